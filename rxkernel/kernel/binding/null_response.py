"""Sends None as JSON ``null`` over HTTP if an action declares to return ``T | None``.

Clients of such an action decode the body of each response, so it must not be empty. For any other
action, None is a response without a body.
"""

from typing import Any

from rxkernel.kernel.binding.response_shape import Shape
from rxkernel.kernel.binding.return_types import ReturnedTypes
from rxkernel.messages.response import Response

_JSON_NULL = {"Content-Type": "application/json"}


def json_null_shape(returns: Any, shape: Shape | None, status: int) -> Shape | None:
    """Return a function like *shape* that converts None to a response with ``null`` and *status*;
    only *shape* unless *returns* declares both a value and None."""
    types = ReturnedTypes.of(returns)
    if not (types.is_optional and types.values):
        return shape

    def shape_or_null(value: Any) -> Any:
        if value is None:
            return Response(None, status, _JSON_NULL)
        return value if shape is None else shape(value)

    return shape_or_null
