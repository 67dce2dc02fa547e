"""Results in the memory of this process, of which those in use stay."""

from typing import Any

from bundles.gateway.cachers.memory_cacher import MemoryCacher


class LruCacher(MemoryCacher):
    """As `MemoryCacher`; a further entry removes the one that was not read for the longest time.

    A read does not change when an entry expires.
    """

    async def read(self, key: str) -> Any:
        entry = await super().read(key)
        if entry is not None:
            self._stored[key] = self._stored.pop(key)
        return entry
