"""Results in the memory of this process."""

from collections.abc import Callable
from typing import Any

from injector import inject

from bundles.clock import Clock
from bundles.gateway.cachers.cacher import Cacher, Codec
from bundles.gateway.cachers.key_pattern import KeyPattern
from bundles.gateway.cachers.pickle_codec import PickleCodec
from bundles.gateway.settings import GatewaySettings

_NEVER = float("inf")


class MemoryCacher(Cacher):
    """Stores at most ``cache_size`` entries; a further entry removes the oldest one.

    An expired entry is removed when it is read, or when it is the oldest.
    """

    @inject
    def __init__(self, settings: GatewaySettings, clock: Clock) -> None:
        self._size = settings.cache_size
        self._ttl = settings.cache_ttl or None
        self._now: Callable[[], float] = clock.monotonic
        self._stored: dict[str, tuple[Any, float]] = {}  # the entry, and its expiry
        self._codec = PickleCodec()

    def codec(self, type: Any, scalars: Any = None) -> Codec:
        return self._codec

    async def read(self, key: str) -> Any:
        stored = self._stored.get(key)
        if stored is None:
            return None
        entry, expires = stored
        if expires != _NEVER and self._now() >= expires:
            del self._stored[key]
            return None
        return entry

    async def write(self, key: str, entry: Any, ttl: float | None) -> None:
        seconds = self._ttl if ttl is None else ttl
        stored = self._stored
        stored.pop(key, None)  # so that the new entry is the youngest
        if len(stored) >= self._size:
            del stored[next(iter(stored))]
        stored[key] = (entry, _NEVER if seconds is None else self._now() + seconds)

    async def delete(self, *keys: str) -> None:
        self.generation += 1
        for key in keys:
            self._stored.pop(key, None)

    async def clean(self, *patterns: str) -> None:
        self.generation += 1
        if not patterns:
            self._stored.clear()
        for pattern in map(KeyPattern, patterns):
            for key in [key for key in self._stored if pattern.matches(key)]:
                del self._stored[key]
