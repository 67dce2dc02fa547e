"""`Call`: one call of a client, as the hooks of its event see it."""

from typing import Any

import attrs

from bundles.gateway.broker.call_options import CallOptions
from bundles.gateway.broker.context import Context
from bundles.gateway.sockets.gateway import Gateway
from rxkernel import Connection


@attrs.define(eq=False)
class Call:
    """``before_call`` may change the action, its parameters, the options and the meta.

    Attributes:
        action: the full name. Another one may be any action that the broker calls, whatever the
            whitelist has.
        options: those of `Broker.call`, for this call only.
        context: makes further calls: ``await call.context.call(…)``.
    """

    connection: Connection
    action: str
    params: Any
    options: CallOptions
    context: Context
    gateway: Gateway

    @property
    def meta(self) -> dict[str, Any]:
        """The meta of the call, which is saved when it has succeeded."""
        return self.context.meta
