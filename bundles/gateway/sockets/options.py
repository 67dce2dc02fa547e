"""The options of a gateway: dictionaries with the keys of moleculer-io in snake_case.

A type checker can check them, and boot checks them again: see `OptionReader`.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, TypedDict

from bundles.gateway.broker.call_options import CallOptions

Function = str | Callable[..., Awaitable[Any]]
"""An ``async def``, or the name of a method of the gateway."""

Mask = str | re.Pattern[str]
"""Selects actions by their names: a name, a pattern with wildcards, or a regular expression."""


class GatewayEvent(TypedDict, total=False):
    """An event that calls actions: ``emit("call", "math.add", {a: 1, b: 2}, ack)``."""

    whitelist: Sequence[Mask]
    """The actions that clients may call. By default, all published ones."""

    aliases: Mapping[str, str]
    """Other names of actions."""

    mapping_policy: Literal["all", "restrict"]
    """``restrict``: clients may call actions only by their aliases."""

    call_options: CallOptions
    """The options of each call. The meta in them is not saved, see `Gateway.save_meta`."""

    before_call: Function
    """``(call)``, before the action; see `Call`."""

    after_call: Function
    """``(call, result)``, after the action. A result other than None replaces that of the
    action."""

    authorization: bool
    """Whether clients without a user are refused."""


class GatewayNamespace(TypedDict, total=False):
    """A namespace of Socket.IO."""

    authorization: bool
    """Whether `Gateway.authorize` is called with each client that connects."""

    middlewares: Sequence[Function]
    """``(connection)``, called for each client that connects, after `Gateway.authorize`. An
    exception refuses the client."""

    packet_middlewares: Sequence[Function]
    """``(packet)``, called for each packet of an event of the namespace, see `Packet`."""

    events: Mapping[str, GatewayEvent | Function]
    """The events by their names: options if the event calls actions, or a handler
    ``(connection, *args)`` whose result is acknowledged."""
