"""The cacher of applications without a cache: it stores nothing."""

from typing import Any

from bundles.gateway.cachers.cacher import Cacher, Codec
from bundles.gateway.cachers.pickle_codec import PickleCodec


class NoCacher(Cacher):
    def codec(self, type: Any, scalars: Any = None) -> Codec:
        return PickleCodec()

    async def read(self, key: str) -> Any:
        return None

    async def write(self, key: str, entry: Any, ttl: float | None) -> None:
        pass

    async def delete(self, *keys: str) -> None:
        pass

    async def clean(self, *patterns: str) -> None:
        pass
