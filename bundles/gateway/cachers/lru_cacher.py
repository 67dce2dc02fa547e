"""Results in the memory of this process; the least recently used ones are removed."""

from typing import Any

from bundles.gateway.cachers.memory_cacher import MemoryCacher


class LruCacher(MemoryCacher):
    """A `MemoryCacher` in which a further entry removes the least recently read one.

    Reading an entry does not change its expiry.
    """

    async def read(self, key: str) -> Any:
        entry = await super().read(key)
        if entry is not None:
            self._stored[key] = self._stored.pop(key)
        return entry
