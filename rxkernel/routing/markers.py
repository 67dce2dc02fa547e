"""Markers: what an action says of a parameter, where name and type do not say it.

``token: Annotated[str, Header("X-Token")]``
"""

from typing import Any, Self

import attrs

from rxkernel.exceptions import ConfigurationError

_CONSTRAINTS = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern")
_NAMES = ("alias", "validation_alias", "serialization_alias")


class Marker:
    """Says where the argument of a parameter comes from: ``Annotated[T, SomeMarker()]``.

    Subclass it for one of your own, which a resolver of a bundle fills (``Bundle.resolvers``).
    """

    __slots__ = ()


class BuiltInMarker(Marker):
    """One that the kernel reads itself; it names the fix for arguments of other frameworks."""

    __slots__ = ()

    def __new__(cls, *given: Any, **named: Any) -> Self:
        known = tuple(a.name for a in attrs.fields(cls))  # type: ignore[arg-type]
        problems = [
            f"{cls.__name__}() takes no {name}; {_hint(cls.__name__, name, value)}"
            for name, value in named.items()
            if name not in known
        ]
        if len(given) > len(known):
            problems.append(
                f"{cls.__name__}() takes {', '.join(known) or 'nothing'}; what it stands for is "
                f"said by the type: Annotated[…, {cls.__name__}()]"
            )
        if problems:
            raise ConfigurationError(*problems)
        return super().__new__(cls)


def _hint(marker: str, name: str, value: Any) -> str:
    if name in _NAMES:
        return f"the name on the wire is the first argument: {marker}({value!r})"
    if name == "default":
        return f"a default is written behind the type: Annotated[…, {marker}()] = {value!r}"
    if name in ("regex", *_CONSTRAINTS):
        name = "pattern" if name == "regex" else name
        return (
            f"a constraint is one of msgspec: Annotated[…, msgspec.Meta({name}={value!r}), "
            f"{marker}()]"
        )
    if name in ("title", "description", "examples"):
        return f"that belongs to the type: Annotated[…, msgspec.Meta({name}=…), {marker}()]"
    return "leave it out"


@attrs.frozen
class Header(BuiltInMarker):
    """A request header; *name* is the parameter's with dashes unless told. Over a socket,
    one of the handshake."""

    name: str | None = None


@attrs.frozen
class Query(BuiltInMarker):
    """A value of ``request.params`` (path, query, form; over a socket the event's ``params``).

    *name* is the parameter's unless told. A class takes one value for each of its fields.
    """

    name: str | None = None


@attrs.frozen
class Cookie(BuiltInMarker):
    """A cookie; *name* is the parameter's unless told. Over a socket, one of the handshake."""

    name: str | None = None


@attrs.frozen
class Body(BuiltInMarker):
    """The body, or with several such parameters the field *name* of it.

    *allow_unknown*: fields that the class does not have are left out instead of refused.
    """

    name: str | None = None
    allow_unknown: bool = False


@attrs.frozen
class Inject(BuiltInMarker):
    """A service of the injector, one that lives as long as its scope says."""


def hint_for_name(marker: Marker) -> str | None:
    """What to write where the name in a built-in *marker* is not a text."""
    name = getattr(marker, "name", None) if isinstance(marker, BuiltInMarker) else None
    if name is None or (isinstance(name, str) and name):
        return None
    return f"{marker!r} has no name in it; a default is written behind the type: = {name!r}"


def hint_for_default(marker: Any, parameter: str, type_: str) -> str:
    """What to write where *marker* stands as the default of *parameter*."""
    kind = marker.__name__ if isinstance(marker, type) else type(marker).__name__
    in_type = f"{parameter}: Annotated[{type_}, {kind}()]"
    if isinstance(marker, Marker) and not isinstance(marker, BuiltInMarker):
        return f"write it into the type: {parameter}: Annotated[{type_}, {kind}(…)]"
    name = getattr(marker, "name", None)
    if isinstance(marker, type) or name is None or name is ...:
        return f"write it into the type: {in_type}"
    if not isinstance(name, str):
        plain = f"{parameter}: {type_} = {name!r}"
        return f"write {plain if kind == 'Query' else f'{in_type} = {name!r}'}"
    return (
        f"write {parameter}: Annotated[{type_}, {kind}({name!r})] if {name!r} is its name on the "
        f"wire, or {in_type} = {name!r} if that is its default"
    )
