"""The service ``files``: the last uploads, in memory."""

from collections import deque
from hashlib import sha256
from typing import Any

from bundles.gateway import CurrentContext, action
from gateway_app.accounts import user_of

_MOST_FILES = 20


class Files:
    def __init__(self) -> None:
        self._files: deque[tuple[dict[str, Any], bytes]] = deque(maxlen=_MOST_FILES)

    @action("files.save")
    async def save(self, ctx: CurrentContext, name: str, content: bytes) -> dict[str, Any]:
        """Not published: only the gateway's event ``upload`` calls it, which has checked the size
        of both."""
        about = {
            "name": name,
            "by": user_of(ctx),
            "size": len(content),
            "sha256": sha256(content).hexdigest(),
        }
        self._files.append((about, content))
        return about

    @action("files.list", visibility="published")
    async def list(self) -> list[dict[str, Any]]:
        return [about for about, _ in self._files]
