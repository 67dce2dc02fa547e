"""The action of a rule that forwards to another server."""

from collections.abc import AsyncIterator, Awaitable, Callable

import attrs

from bundles.web.routes.rewriter import TARGET_PARAMETER
from bundles.web.routes.rule import Rule
from rxkernel import Request, Response

Forward = Callable[[Request, str, AsyncIterator[bytes]], Awaitable[Response]]
"""Sends a request to a URL with a body, and returns the response to send."""


@attrs.frozen(eq=False)
class Forwarding:
    """Forwards the requests of *rule*."""

    rule: Rule
    send: Forward

    async def forward(self, request: Request, body: AsyncIterator[bytes]) -> Response:
        assert self.rule.origin is not None
        url = f"{self.rule.origin.url}{request.params[TARGET_PARAMETER]}"
        return await self.send(request, url, body)
