"""Socket.IO packets whose JSON is read and written by msgspec."""

from typing import Any

import msgspec
from socketio.packet import Packet


class _Json:
    """msgspec behind the names that python-socketio calls.

    ``json=`` of `socketio.AsyncServer` would set it for every server of the process; on a
    packet class of our own it is ours alone.
    """

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return msgspec.json.encode(value).decode()

    @staticmethod
    def loads(text: str) -> Any:
        return msgspec.json.decode(text)


class KernelPacket(Packet):  # type: ignore[misc]
    """NaN and Infinity, which would break every browser of a room, are neither read nor sent."""

    json = _Json
