"""The gateway ``io``: which actions clients may call, and the event ``upload``."""

from typing import Any

from bundles.gateway import Gateway, MoleculerClientError
from rxkernel import Connection

_LARGEST_FILE = 500_000
_LONGEST_NAME = 100


class Io(Gateway):
    namespaces = {
        "/": {
            "events": {
                "call": {
                    "whitelist": ["math.*", "accounts.*", "rooms.*", "files.list"],
                    "aliases": {"add": "math.add"},
                    "call_options": {"timeout": 5.0},
                },
                "upload": "upload",
            }
        }
    }

    async def upload(self, connection: Connection, info: Any, content: Any) -> dict[str, Any]:
        """``emit("upload", {name}, bytes, ack)``."""
        name = info.get("name") if isinstance(info, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
            raise MoleculerClientError("A file needs a name", 422, "ERR_NO_NAME")
        if not isinstance(content, bytes) or len(content) > _LARGEST_FILE:
            message = f"A file has at most {_LARGEST_FILE} bytes"
            raise MoleculerClientError(message, 413, "ERR_FILE_SIZE")
        saved: dict[str, Any] = await self.broker.call(
            "files.save", {"name": name, "content": content}, meta=self.get_meta(connection)
        )
        return saved
