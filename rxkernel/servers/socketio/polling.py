"""Long polling: the body of a POST is read whole.

python-engineio reads what has arrived by then; the rest of a body that comes in two TCP
segments is lost, and answered 200.
"""

from typing import Any

import engineio
from engineio.payload import Payload

# A client posts all that it emitted since its last request at once, as many packets as there
# are; the library would close it after 16. Their bytes are bounded by ``max_payload``. The
# library has no such setting per server: this is the one that its documentation names.
Payload.max_decode_packets = 10_000


class _WholeBody:
    """The ``wsgi.input`` that python-engineio reads a POST from."""

    def __init__(self, content: Any) -> None:
        self._content = content

    async def read(self, length: int) -> bytes:
        body: bytes = await self._content.readexactly(length)
        return body


class EngineioServer(engineio.AsyncServer):  # type: ignore[misc]
    """python-engineio's server with its aiohttp driver mended."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        driver: dict[str, Any] = self._async
        self._read_request = driver["translate_request"]
        self._async: dict[str, Any] = {**driver, "translate_request": self._translate_request}

    def _translate_request(self, request: Any) -> dict[str, Any]:
        environ: dict[str, Any] = self._read_request(request)
        environ["wsgi.input"] = _WholeBody(request.content)
        return environ
