"""The action of a rule that forwards to another server."""

from collections.abc import AsyncIterator

import attrs

from bundles.web.proxy.reverse_proxy import ReverseProxy, Upstream
from bundles.web.routes.rewriter import TARGET_PARAMETER
from bundles.web.routes.rule import Rule
from rxkernel import Request, Response


@attrs.frozen(eq=False)
class Forwarding:
    """Forwards the requests of *rule*."""

    rule: Rule
    upstream: Upstream

    async def forward(self, request: Request, body: AsyncIterator[bytes]) -> Response:
        return await self.upstream.forward(request, request.params[TARGET_PARAMETER], body)


def forwarding_of(proxy: ReverseProxy, rule: Rule) -> Forwarding:
    """Return the action of *rule*, which has an origin."""
    assert rule.origin is not None
    return Forwarding(rule, proxy.upstream(rule.origin.url))
