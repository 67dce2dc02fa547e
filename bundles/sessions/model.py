"""The records that a store of sessions keeps, and the changes that it is called with."""

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType

import attrs

Changes = Mapping[str, bytes | None]
"""The new values by name, encoded as JSON; None removes a value."""

NO_VALUES: Mapping[str, bytes] = MappingProxyType({})


@attrs.frozen
class StoredSession:
    """One session.

    Attributes:
        key: identifies it for its whole life, in the store only.
        id: SHA-256 of the secret that the client has now, in hexadecimal digits.
        values: by name, encoded as JSON.
        user: the identifier of the user who is logged in.
        address: of the client that started it, or the /64 of an IPv6 address; "" if it is not
            known.
        created, used: seconds since the epoch: the start or the login, and about the last use.
    """

    key: str
    id: str
    values: Mapping[str, bytes]
    user: str | None
    address: str
    created: float
    used: float

    @cached_property
    def has_containers(self) -> bool:
        """Whether a value is a list or a dict, which an action may change in place."""
        return any(value[:1] in (b"[", b"{") for value in self.values.values())

    def has_ended(self, now: float, idle_timeout: float, lifetime: float) -> bool:
        return now >= self.used + idle_timeout or now >= self.created + lifetime


@attrs.frozen
class Rotation:
    """Replace the id *old* by *new*, and set the user. If it is another user, the lifetime starts
    again: ``created`` becomes now."""

    old: str
    new: str
    user: str | None


@attrs.frozen
class EndedSession:
    """A session that is not in the store any more."""

    id: str
    user: str | None


def size_of(values: Mapping[str, bytes]) -> int:
    """The size that ``sessions.max_size`` limits."""
    return sum(len(name.encode()) + len(value) for name, value in values.items())


def changed(values: Mapping[str, bytes], changes: Changes) -> dict[str, bytes]:
    """*values* after *changes*."""
    merged = {**values, **changes}
    return {name: value for name, value in merged.items() if value is not None}
