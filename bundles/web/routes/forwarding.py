"""The action of a rule that forwards to another server."""

import attrs

from bundles.web.routes.rule import Rule
from rxkernel import BadGatewayException, Request, Response


@attrs.frozen(eq=False)
class Forwarding:
    """Forwards the requests of *rule*."""

    rule: Rule

    async def forward(self, request: Request) -> Response:
        raise BadGatewayException
