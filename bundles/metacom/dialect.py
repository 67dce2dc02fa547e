"""The two dialects of the protocol: they differ in ids, errors, streams and pings."""

from enum import Enum

Id = int | float | str
"""The id of a call, as the client sent it."""


class Dialect(Enum):
    """The dialect of a connection. It is A until the client sends an id that is text."""

    A = "A"
    """npm ``metacom`` 3: ids are numbers."""
    B = "B"
    """The unreleased version 4: ids are UUIDs."""


def dialect_of(id: Id | None) -> Dialect:
    """Return the dialect of a client that has sent *id*."""
    return Dialect.B if type(id) is str else Dialect.A
