"""Markers: they select the source of a parameter if its name and type do not determine it.

``token: Annotated[str, Header("X-Token")]``
"""

from typing import Any, Self

import attrs

from rxkernel.exceptions import ConfigurationError

_CONSTRAINTS = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern")
_NAMES = ("alias", "validation_alias", "serialization_alias")


class Marker:
    """Selects the source of an argument: ``Annotated[T, SomeMarker()]``.

    A bundle defines subclasses, with a resolver for each (``Bundle.resolvers``).
    """

    __slots__ = ()


class BuiltInMarker(Marker):
    """A marker of the kernel. Its errors have hints for arguments of other frameworks."""

    __slots__ = ()

    def __new__(cls, *given: Any, **named: Any) -> Self:
        known = tuple(a.name for a in attrs.fields(cls))  # type: ignore[arg-type]
        problems = [
            f"{cls.__name__}() has no argument {name}; {_hint(cls.__name__, name, value)}"
            for name, value in named.items()
            if name not in known
        ]
        if len(given) > len(known):
            accepted = f"only {', '.join(known)}" if known else "no arguments"
            problems.append(
                f"{cls.__name__}() accepts {accepted}; write the type before it: "
                f"Annotated[…, {cls.__name__}()]"
            )
        if problems:
            raise ConfigurationError(*problems)
        return super().__new__(cls)


def _hint(marker: str, name: str, value: Any) -> str:
    if name in _NAMES:
        return f"the name on the wire is the first argument: {marker}({value!r})"
    if name == "default":
        return f"write a default after the type: Annotated[…, {marker}()] = {value!r}"
    if name in ("regex", *_CONSTRAINTS):
        name = "pattern" if name == "regex" else name
        return (
            f"write a constraint with msgspec: Annotated[…, msgspec.Meta({name}={value!r}), "
            f"{marker}()]"
        )
    if name in ("title", "description", "examples"):
        return f"write it with msgspec: Annotated[…, msgspec.Meta({name}=…), {marker}()]"
    return "remove it"


@attrs.frozen
class Header(BuiltInMarker):
    """A request header; over a socket, a header of the handshake.

    The default of *name* is the name of the parameter, with dashes instead of underscores.
    """

    name: str | None = None


@attrs.frozen
class Query(BuiltInMarker):
    """A value of ``request.params`` (path, query, form; over a socket the event's ``params``).

    The default of *name* is the name of the parameter. A class is read from one value per field.
    """

    name: str | None = None


@attrs.frozen
class Cookie(BuiltInMarker):
    """A cookie; over a socket, a cookie of the handshake.

    The default of *name* is the name of the parameter.
    """

    name: str | None = None


@attrs.frozen
class Body(BuiltInMarker):
    """The body; if several parameters have this marker, the field *name* of the body.

    With *allow_unknown*, fields that the class does not have are ignored instead of rejected.
    """

    name: str | None = None
    allow_unknown: bool = False


@attrs.frozen
class Inject(BuiltInMarker):
    """A service of the injector, in the scope of its binding."""


def hint_for_name(marker: Marker) -> str | None:
    """Return a hint if the name in a built-in *marker* is not a str, else None."""
    name = getattr(marker, "name", None) if isinstance(marker, BuiltInMarker) else None
    if name is None or (isinstance(name, str) and name):
        return None
    return f"{marker!r} has a name that is not a str; write a default after the type: = {name!r}"


def hint_for_default(marker: Any, parameter: str, type_: str) -> str:
    """Return a hint for a *marker* that is the default of *parameter*."""
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
