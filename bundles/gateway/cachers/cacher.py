"""The interface of a cacher."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol


class Codec(Protocol):
    """Converts the results of one action to entries of a cacher, and back.

    Attributes:
        keeps_types: whether `decode` returns the types that `encode` was given. If not, a call
            that was not cached gets the converted value too.
    """

    keeps_types: bool

    def encode(self, value: Any) -> Any:
        """Return an entry that shares no mutable object with *value*.

        Raises:
            Exception: *value* cannot be cached.
        """

    def decode(self, entry: Any) -> Any:
        """Return a new value.

        Raises:
            ValueError: another process has written something else.
        """


class Cacher(ABC):
    """Stores results by key. None is never stored: it is the same as a missing result.

    `get` and `set` are for values of the application; calls of actions use `read` and `write`.

    Attributes:
        generation: how often entries were removed. The result of an action that had begun before
            is not stored.
        longest_wait: the seconds for which a call of an action with a lock waits for others; then
            it runs the action itself. Moleculer's lock expires after the same time.
    """

    generation = 0
    longest_wait = 15.0

    async def get(self, key: str) -> Any:
        """The value at *key*; None if it is missing or has expired."""
        entry = await self.read(key)
        return None if entry is None else self.codec(Any).decode(entry)

    async def set(self, key: str, value: Any, ttl: float | None = None) -> None:
        """Store *value* for *ttl* seconds; None: for those of the setting ``cache_ttl``."""
        if value is not None:
            await self.write(key, self.codec(Any).encode(value), ttl)

    @abstractmethod
    async def delete(self, *keys: str) -> None:
        """Remove the entries of *keys*."""

    @abstractmethod
    async def clean(self, *patterns: str) -> None:
        """Remove all entries that one of *patterns* matches; without patterns, all.

        A pattern is one of names of actions, as ``users.*`` or ``**``, and matches all entries of
        these. With a colon, the rest is for the parameters, where ``*`` is any text:
        ``users.get:5*``.
        """

    @abstractmethod
    def codec(self, type: Any, scalars: Any = None) -> Codec:
        """The codec for values that are declared as *type*."""

    @abstractmethod
    async def read(self, key: str) -> Any:
        """The entry at *key*; None if it is missing."""

    @abstractmethod
    async def write(self, key: str, entry: Any, ttl: float | None) -> None:
        """Store *entry*; *ttl* as for `set`."""

    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[Any]:
        """Keep other processes from computing *key*; yield the entry that one has stored
        meanwhile, or None.

        Calls in this process wait for each other already.
        """
        yield None
