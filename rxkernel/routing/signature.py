"""What an action takes and gives back, read once from how it is written.

Kept on the definition: the kernel binds requests with it, transports ask how a body is wanted,
and a description of the API can be made from it.
"""

import inspect
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import attrs

from rxkernel.routing.annotations import holds_decimal, without_none
from rxkernel.routing.markers import Marker

REQUIRED: Any = inspect.Parameter.empty
"""The default of a parameter that has none."""


class Source(StrEnum):
    """Where a parameter comes from."""

    REQUEST = "request"
    CONNECTION = "connection"
    PARAMS = "params"
    HEADER = "header"
    COOKIE = "cookie"
    BODY = "body"
    STREAM = "stream"
    FILE = "file"
    SERVICE = "service"
    RESOLVER = "resolver"


@attrs.frozen
class Parameter:
    """One parameter of an action.

    ``key`` is its name in its source; of a body that is taken whole it is empty. ``type`` is the
    annotation without its marker, constraints (`msgspec.Meta`) kept. ``marker`` is there where a
    resolver of a bundle gives the argument, and ``input_description`` where that describes what a
    client must send, see `InputDescription`. ``is_converted`` says that a converter of the
    application returns the value, of any class.
    """

    name: str
    source: Source
    key: str
    type: Any
    default: Any = REQUIRED
    allow_unknown: bool = False
    is_keyword_only: bool = False
    marker: Marker | None = None
    input_description: Mapping[str, Any] | None = None
    is_converted: bool = False


@attrs.frozen
class Signature:
    """The parameters of an action and the type that it declares to return.

    ``returns`` is `Any` where nothing is declared, or a `Response` of some kind.
    """

    parameters: tuple[Parameter, ...] = ()
    returns: Any = Any

    @property
    def is_plain(self) -> bool:
        """Whether the action takes the request and nothing else."""
        return [(p.source, p.is_keyword_only) for p in self.parameters] == [
            (Source.REQUEST, False)
        ]

    @property
    def is_streamed(self) -> bool:
        """Whether the action reads the body itself, piece by piece."""
        return any(p.source is Source.STREAM for p in self.parameters)

    @property
    def takes_bytes(self) -> bool:
        """Whether the action takes the body as it comes, so that nobody is to read it before."""
        return any(
            p.source is Source.BODY and not p.key and without_none(p.type) is bytes
            for p in self.parameters
        )

    @property
    def is_exact(self) -> bool:
        """Whether a decimal is taken from the body: a number of JSON is read as one then, for no
        float holds ``12345678901234567.89``."""
        return any(p.source is Source.BODY and holds_decimal(p.type) for p in self.parameters)

    @property
    def takes_files(self) -> bool:
        """Whether uploads are expected: a larger body is allowed then."""
        return any(p.source is Source.FILE for p in self.parameters)
