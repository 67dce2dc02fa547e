"""A controller that returns what the server has read of a body."""

from typing import Any

from rxkernel import Request, http


class Echo:
    @http("POST", "/echo", "echo")
    async def echo(self, request: Request) -> dict[str, Any]:
        files = {
            name: [file.filename, file.content_type, file.content.decode()]
            for name, file in request.files.items()
        }
        return {
            "body": request.body,
            "type": type(request.body).__name__,
            "raw": len(request.raw_body),
            "params": list(request.params.items()),
            "files": files,
        }
