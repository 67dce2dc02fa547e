"""The action of a rule that forwards to another server."""

from collections.abc import AsyncIterator, Awaitable, Callable

import attrs

from bundles.web.routes.rewriter import TARGET_PARAMETER
from bundles.web.routes.rule import Rule
from rxkernel import Request, Response

Forward = Callable[[Request, str], Awaitable[Response]]
"""Sends a request to a URL, and returns the response to send."""


@attrs.frozen(eq=False)
class Forwarding:
    """Forwards the requests of *rule*."""

    rule: Rule
    send: Forward

    async def forward(self, request: Request, body: AsyncIterator[bytes]) -> Response:
        """Forward *request*. Its body is not read before: the argument only says so."""
        assert self.rule.origin is not None
        return await self.send(
            request, f"{self.rule.origin.url}{request.params[TARGET_PARAMETER]}"
        )
