"""`Packet`: an event of a client before it is handled."""

from typing import Any

import attrs

from rxkernel import Connection


@attrs.define(eq=False)
class Packet:
    """The event and the arguments of a packet. A packet middleware may change ``args``.

    For an event that calls actions, ``args`` are the name of the action and its parameters.
    """

    connection: Connection = attrs.field(on_setattr=attrs.setters.frozen)
    event: str = attrs.field(on_setattr=attrs.setters.frozen)
    args: list[Any]
