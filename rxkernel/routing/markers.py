"""Markers: what an action says of a parameter, where name and type do not say it.

``token: Annotated[str, Header("X-Token")]``
"""

import attrs


@attrs.frozen
class Header:
    """A request header; *name* is the parameter's with dashes unless told. Over a socket,
    one of the handshake."""

    name: str | None = None


@attrs.frozen
class Query:
    """A value of ``request.params`` (path, query, form; over a socket the event's ``params``).

    *name* is the parameter's unless told. A class takes one value for each of its fields.
    """

    name: str | None = None


@attrs.frozen
class Cookie:
    """A cookie; *name* is the parameter's unless told. Over a socket, one of the handshake."""

    name: str | None = None


@attrs.frozen
class Body:
    """The body, or with several such parameters the field *name* of it.

    *allow_unknown*: fields that the class does not have are left out instead of refused.
    """

    name: str | None = None
    allow_unknown: bool = False


@attrs.frozen
class Inject:
    """A service of the injector, one that lives as long as its scope says."""


Marker = Header | Query | Cookie | Body | Inject
