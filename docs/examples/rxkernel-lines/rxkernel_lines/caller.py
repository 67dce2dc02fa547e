"""A marker of its own: an action takes the name that its client gave."""

from collections.abc import Callable
from typing import Any

import attrs
from rxkernel import (
    ConfigurationError,
    Definition,
    Marker,
    Parameter,
    Request,
    UnauthorizedException,
)


@attrs.frozen
class Caller(Marker):
    """The client's name: ``who: Annotated[str, Caller()]``. Without one the response is 401."""


class CallerResolver:
    """Reads the header ``From``, which a message of every transport may have."""

    def bind(
        self, marker: Caller, parameter: Parameter, definition: Definition
    ) -> Callable[[Request], str]:
        """Called once at boot, for each parameter with the marker."""
        if parameter.type is not str:
            raise ConfigurationError(
                f"the parameter {parameter.name!r} of {definition.name!r} is a "
                f"{parameter.type}; a Caller is a str"
            )
        return _name

    def describe(self, marker: Caller, parameter: Parameter) -> dict[str, Any]:
        """What a client must send, for documentation."""
        name = {"source": "header", "key": "From", "schema": {"type": "string"}}
        return {"inputs": [name], "statuses": [401]}


def _name(request: Request) -> str:
    name = request.headers.get("From")
    if not name:
        raise UnauthorizedException("send your name in the header From")
    return name
