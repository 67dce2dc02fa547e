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


def json_null_shape(returns: Any, shape: Shape | None, status: int) -> Shape | None:
    """Return *shape*, that of an action that declares *returns*, which responds with ``null`` and
    *status* to None; *shape* itself if None or a value is not declared."""
    if not _may_be_null(returns):
        return shape

    def shape_or_null(value: Any) -> Any:
        if value is None:
            return Response(None, status, _JSON_NULL)
        return value if shape is None else shape(value)

    return shape_or_null


def _may_be_null(returns: Any) -> bool:
    members = returned_types(returns)
    values = [m for m in members if m not in _NOTHING and not _is_no_value(m)]
    return NoneType in members and bool(values)


def _is_no_value(member: Any) -> bool:
    return isinstance(member, type) and issubclass(member, (Response, HttpException))
