"""The format of results in the directories of one extension."""

import re
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from rxkernel import ConfigurationError, Response

Rendered = str | bytes | Response | None
Render = Callable[[Any, Any], Rendered | Awaitable[Rendered]]
"""Called with the `Client` and the result of the handlers."""

_NAME = re.compile(r"[a-z]+")
_CONTENT_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+( *;[ \w!#$&^.+\-=\"]*)*", re.ASCII)

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


def _is_name(_: Any, attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not isinstance(value, str) or _NAME.fullmatch(value) is None:
        raise ConfigurationError(
            f"the name of an extension is {value!r}; it must have only lowercase letters, without "
            f"a dot, such as 'yaml'"
        )


def _is_content_type(
    instance: "Extension", attribute: "attrs.Attribute[Any]", value: object
) -> None:
    if not isinstance(value, str) or _CONTENT_TYPE.fullmatch(value) is None:
        raise ConfigurationError(
            f"content_type of the extension {instance.name!r} is {value!r}; write a type such as "
            f"'application/yaml'"
        )


def _is_callable(instance: "Extension", attribute: "attrs.Attribute[Any]", value: object) -> None:
    if not callable(value):
        raise ConfigurationError(
            f"render of the extension {instance.name!r} is {value!r}; write a function of the "
            f"client and the data"
        )


def _read_only(headers: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(headers))


@attrs.frozen(eq=False)
class Extension:
    """The format of the results of directories ``<any>.<name>``.

    Attributes:
        name: the extension, without a dot.
        content_type: of a str or bytes that *render* returns.
        render: returns the body for a result, which may be None. It may be ``async def``. A
            `Response` is sent unchanged; None sends an empty response, 204.
        headers: sent with a str or bytes that *render* returns, unless a handler has set them.

    Raises:
        ConfigurationError: one of them is invalid.
    """

    name: str = attrs.field(validator=_is_name)
    content_type: str = attrs.field(validator=_is_content_type)
    render: Render = attrs.field(validator=_is_callable)
    headers: Mapping[str, str] = attrs.field(default=_NO_HEADERS, converter=_read_only)
