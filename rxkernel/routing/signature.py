"""The signature of an action: its parameters and its return type, read once at boot.

It is an attribute of the definition. The kernel binds requests with it, transports load bodies
according to it, and bundles can generate a description of the API.
"""

import inspect
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import attrs

from rxkernel.routing.annotations import is_model, without_none
from rxkernel.routing.markers import Marker
from rxkernel.routing.return_markers import ReturnMarker
from rxkernel.routing.scalars import NO_SCALARS, Scalars
from rxkernel.routing.type_support import field_keys, holds_decimal, holds_upload

REQUIRED: Any = inspect.Parameter.empty
"""The default of a required parameter."""


class Source(StrEnum):
    """The source of an argument."""

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

    ``key`` is its name in its source; empty for the whole body. ``type`` is the annotation without
    its marker, but with constraints (`msgspec.Meta`). ``marker`` is set if a resolver of a bundle
    provides the argument, and ``input_description`` if the resolver describes the input of the
    client, see `InputDescription`. With ``is_converted``, a converter of the application returns
    the value, of any class. ``scalars`` are the custom scalars of the application.
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
    scalars: Scalars = attrs.field(default=NO_SCALARS, eq=False, repr=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """The names that it reads from its source: the fields of a class that is read from several
        parameters, else only `key`."""
        if self.source is Source.PARAMS and is_model(self.type) and not self.is_converted:
            return field_keys(self.type, self.scalars)
        return (self.key,)

    @property
    def is_required(self) -> bool:
        """Whether it has no default. An upload or a connection may still be None."""
        return self.default is REQUIRED


@attrs.frozen
class Signature:
    """The parameters and the return type of an action.

    ``returns`` is `Any` without an annotation; it may be a subclass of `Response`. ``scalars`` are
    those of the application: ``signature.scalars.get(Money).wire`` is the type that is sent.
    ``return_markers`` change the returned value to ``returns``, one after the other.
    """

    parameters: tuple[Parameter, ...] = ()
    returns: Any = Any
    return_markers: tuple[ReturnMarker, ...] = ()
    scalars: Scalars = attrs.field(default=NO_SCALARS, eq=False, repr=False)

    @property
    def is_plain(self) -> bool:
        """Whether the action takes only the request."""
        return [(p.source, p.is_keyword_only) for p in self.parameters] == [
            (Source.REQUEST, False)
        ]

    @property
    def is_streamed(self) -> bool:
        """Whether the action reads the body itself, as a stream."""
        return any(p.source is Source.STREAM for p in self.parameters)

    @property
    def takes_bytes(self) -> bool:
        """Whether the action takes the body as bytes, so that it is not decoded."""
        return any(
            p.source is Source.BODY and not p.key and without_none(p.type) is bytes
            for p in self.parameters
        )

    @property
    def is_exact(self) -> bool:
        """Whether the body has a decimal. Then JSON numbers with a fraction or an exponent are
        read as `Decimal`, since a float cannot represent ``12345678901234567.89``."""
        return any(
            p.source is Source.BODY and holds_decimal(p.type, p.scalars) for p in self.parameters
        )

    @property
    def takes_files(self) -> bool:
        """Whether the action takes uploads, which have a larger body limit."""
        return any(
            p.source is Source.FILE
            or (p.source is Source.BODY and holds_upload(p.type, p.scalars))
            for p in self.parameters
        )
