"""The None of an action that declares ``T | None``: over HTTP it is the JSON ``null``.

Without a declaration None is a response without a body. A client of ``T | None`` decodes the body
of each response, so it must be there.
"""

from types import NoneType
from typing import Any, Never, NoReturn

from rxkernel.exceptions import HttpException
from rxkernel.kernel.binding.response_shape import Shape
from rxkernel.kernel.binding.return_types import returned_types
from rxkernel.messages.response import Response

_JSON_NULL = {"Content-Type": "application/json"}
_NOTHING = (NoneType, NoReturn, Never)


def may_be_null(returns: Any) -> bool:
    """Whether *returns* has None beside types of values."""
    members = returned_types(returns)
    return NoneType in members and any(
        not (isinstance(member, type) and issubclass(member, (Response, HttpException)))
        for member in members
        if member not in _NOTHING
    )


def with_json_null(shape: Shape | None, status: int) -> Shape:
    """Return *shape*, which responds with ``null`` and *status* to None."""

    def shape_or_null(value: Any) -> Any:
        if value is None:
            return Response(None, status, _JSON_NULL)
        return value if shape is None else shape(value)

    return shape_or_null
