"""A controller that reads bodies in every way, and returns what it has read."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from rxkernel import Request, UploadedFile, http


def part(name: str, content: bytes = b"", *, filename: str | None = None) -> bytes:
    """A part of a multipart form with the boundary ``x``."""
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
    return head.encode() + content + b"\r\n"


class Taker:
    """``failures`` contains exceptions of streams; ``read`` is the number of bytes read."""

    failures: list[Exception]
    read: int

    def __init__(self) -> None:
        self.failures = []
        self.read = 0
        self.may_read = asyncio.Event()
        self.may_read.set()

    @http("POST", "/take", "take")
    async def take(self, request: Request) -> dict[str, Any]:
        body = request.body
        return {"body": None if isinstance(body, bytes) else body, "size": len(request.raw_body)}

    @http("POST", "/small", "small", body_limit=100)
    async def small(self, request: Request) -> int:
        return len(request.raw_body)

    @http("POST", "/large", "large", body_limit=100_000)
    async def large(self, request: Request) -> int:
        return len(request.raw_body)

    @http("POST", "/upload", "upload")
    async def upload(self, request: Request, f: UploadedFile | None = None) -> dict[str, Any]:
        fields = dict(request.body) if request.body else {}
        files = [
            [name, file.filename, file.content_type, file.size]
            for name, file in request.files.items()
        ]
        return {"fields": fields, "files": files}

    @http("POST", "/stream", "stream")
    async def stream(self, body: AsyncIterator[bytes]) -> int:
        try:
            async for piece in body:
                self.read += len(piece)
                await self.may_read.wait()
        except Exception as exc:
            self.failures.append(exc)
            raise
        return self.read

    @http("POST", "/ignore", "ignore")
    async def ignore(self, body: AsyncIterator[bytes]) -> str:
        return "not needed"
