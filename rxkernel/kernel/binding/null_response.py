"""The None of an action that declares ``T | None``: over HTTP it is the JSON ``null``.

Without a declaration None is a response without a body. A client of ``T | None`` decodes the body
of each response, so it must be there.
"""

from typing import Any

from rxkernel.kernel.binding.response_shape import Shape
from rxkernel.kernel.binding.return_types import ReturnedTypes
from rxkernel.messages.response import Response

_JSON_NULL = {"Content-Type": "application/json"}


def json_null_shape(returns: Any, shape: Shape | None, status: int) -> Shape | None:
    """Return *shape*, that of an action that declares *returns*, which responds with ``null`` and
    *status* to None; *shape* itself if None or a value is not declared."""
    types = ReturnedTypes.of(returns)
    if not (types.is_optional and types.values):
        return shape

    def shape_or_null(value: Any) -> Any:
        if value is None:
            return Response(None, status, _JSON_NULL)
        return value if shape is None else shape(value)

    return shape_or_null
