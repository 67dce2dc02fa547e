"""`Call`: one call of a client, for the hooks of its event."""

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
        action: the full name. A hook may set it to any action of the broker, also one that is not
            in the whitelist.
        options: the options of `Broker.call`, for this call only.
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
        """The meta of the call; it is saved after the call has succeeded."""
        return self.context.meta
