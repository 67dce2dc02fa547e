"""The interface of a cacher."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol


class Codec(Protocol):
    """Converts the results of one action to entries of a cacher, and back.

    Attributes:
        keeps_types: whether `decode` returns the types of the values passed to `encode`. If not, a
            call that computes a result also returns the converted value.
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
            ValueError: *entry* is invalid, since another process has written it.
        """


class Cacher(ABC):
    """Stores results by key. None is never stored, since it means a missing result.

    `get` and `set` are for the application; calls of actions use `read` and `write`.

    Attributes:
        generation: the number of removals. The result of an action that began before a removal is
            not stored.
        longest_wait: the maximum of seconds that a call of an action with a lock waits for others;
            then it runs the action itself. Moleculer's lock expires after the same time.
    """

    generation = 0
    longest_wait = 15.0

    async def get(self, key: str) -> Any:
        """Return the value at *key*; None if it is missing or has expired."""
        entry = await self.read(key)
        return None if entry is None else self.codec(Any).decode(entry)

    async def set(self, key: str, value: Any, ttl: float | None = None) -> None:
        """Store *value* for *ttl* seconds; None: for the setting ``cache_ttl``."""
        if value is not None:
            await self.write(key, self.codec(Any).encode(value), ttl)

    @abstractmethod
    async def delete(self, *keys: str) -> None:
        """Remove the entries of *keys*."""

    @abstractmethod
    async def clean(self, *patterns: str) -> None:
        """Remove all entries that one of *patterns* matches; without patterns, all entries.

        A pattern of action names, such as ``users.*`` or ``**``, matches all entries of these
        actions. The part after a colon is a pattern of parameters, in which ``*`` is any text:
        ``users.get:5*``.
        """

    @abstractmethod
    def codec(self, type: Any, scalars: Any = None) -> Codec:
        """Return the codec for values that are declared as *type*."""

    @abstractmethod
    async def read(self, key: str) -> Any:
        """Return the entry at *key*; None if it is missing."""

    @abstractmethod
    async def write(self, key: str, entry: Any, ttl: float | None) -> None:
        """Store *entry*; for *ttl* see `set`."""

    @asynccontextmanager
    async def lock(self, key: str) -> AsyncIterator[Any]:
        """Prevent other processes from computing *key*. Yield the entry that another process has
        stored meanwhile, or None.

        Calls in this process wait for each other before they call this.
        """
        yield None
