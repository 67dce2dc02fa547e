"""The checked options of a gateway, which its events use."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from bundles.gateway.broker.call_options import CallOptions
from bundles.gateway.sockets.options import Mask

Bound = Callable[..., Awaitable[Any]]
"""A function of the options; a method is bound to the gateway."""


@attrs.frozen(eq=False)
class CallRules:
    """The options of an event that calls actions.

    Attributes:
        whitelist: None: not set.
        is_restricted: whether clients may call actions only by their aliases.
        options: the options of each call.
        needs_user: whether clients without a user are refused.
    """

    name: str
    whitelist: tuple[Mask, ...] | None = None
    aliases: Mapping[str, str] = attrs.field(factory=lambda: MappingProxyType({}))
    is_restricted: bool = False
    options: CallOptions = attrs.field(factory=CallOptions)
    before_call: Bound | None = None
    after_call: Bound | None = None
    needs_user: bool = False


@attrs.frozen(eq=False)
class HandlerRules:
    """A handler that takes *least* to *most* arguments after the connection. *most* None: no
    maximum."""

    name: str
    handler: Bound
    least: int = 0
    most: int | None = None


@attrs.frozen(eq=False)
class NamespaceRules:
    """The options of a namespace. The functions ``connecting`` are called with each client that
    connects."""

    name: str
    is_authorized: bool = False
    connecting: tuple[Bound, ...] = ()
    packet_middlewares: tuple[Bound, ...] = ()
    events: tuple[CallRules | HandlerRules, ...] = ()
