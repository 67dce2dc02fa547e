"""The options of a gateway: dictionaries with the keys of moleculer-io in snake_case.

A type checker checks them as they are written, and boot checks them again: see `OptionReader`.
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
    """The actions that may be called. Without it: all that are published."""

    aliases: Mapping[str, str]
    """Other names of actions."""

    mapping_policy: Literal["all", "restrict"]
    """``restrict``: actions are called by their aliases only."""

    call_options: CallOptions
    """The options of each call. Its meta is not saved, see `Gateway.save_meta`."""

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
    """``(connection)``, for each client that connects, after `Gateway.authorize`. An exception
    refuses it."""

    packet_middlewares: Sequence[Function]
    """``(packet)``, for each packet of an event of the namespace, see `Packet`."""

    events: Mapping[str, GatewayEvent | Function]
    """By name: the options of an event that calls actions, or a handler ``(connection, *args)``,
    whose result is acknowledged."""
