"""The form of a result in the directories of one extension."""

import re
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from rxkernel import Response

Rendered = str | bytes | Response
Render = Callable[[Any, Any], Rendered | Awaitable[Rendered]]

_NAME = re.compile(r"[a-z][a-z0-9]*")
_CONTENT_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+( *;[ \w!#$&^.+\-=\"]*)*", re.ASCII)

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def _is_name(_: Any, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        raise ValueError(
            f"the name of an extension is {value!r}; it must be lower case letters and digits "
            f"without a dot, such as 'yaml'"
        )


def _is_content_type(
    instance: "Extension", attribute: "attrs.Attribute[Any]", value: object
) -> None:
    if not isinstance(value, str) or _CONTENT_TYPE.fullmatch(value) is None:
        raise ValueError(
            f"content_type of the extension {instance.name!r} is {value!r}; write a type such as "
            f"'application/yaml'"
        )


def _is_callable(instance: "Extension", attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not callable(value):
        raise ValueError(
            f"render of the extension {instance.name!r} is {value!r}; write a function of the "
            f"client and the data"
        )


def _read_only(headers: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(headers))


@attrs.frozen
class Extension:
    """Renders the results of the directories ``<any>.<name>``.

    Attributes:
        name: the extension, without a dot.
        content_type: that of a str or bytes which *render* returns.
        render: called with the `Client` and the data of the handlers, also if that is false or
            None. It returns a str, bytes or a `Response`, and may be async.
        headers: sent with each response, unless a handler has set them.

    Raises:
        ValueError: one of them is invalid.
    """

    name: str = attrs.field(validator=_is_name)
    content_type: str = attrs.field(validator=_is_content_type)
    render: Render = attrs.field(validator=_is_callable)
    headers: Mapping[str, str] = attrs.field(default=_NO_HEADERS, converter=_read_only)
