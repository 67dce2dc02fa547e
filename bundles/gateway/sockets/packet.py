"""`Packet`: what a client has sent, before its event is handled."""

from typing import Any

import attrs

from rxkernel import Connection


@attrs.define(eq=False)
class Packet:
    """The event and the arguments of a packet; a packet middleware may change ``args``.

    Without ``event`` ``args`` of ``call`` are the name of the action and its parameters.
    """

    connection: Connection = attrs.field(on_setattr=attrs.setters.frozen)
    event: str = attrs.field(on_setattr=attrs.setters.frozen)
    args: list[Any]
