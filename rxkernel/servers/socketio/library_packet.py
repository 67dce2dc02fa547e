"""The packet class for packets that python-socketio itself sends."""

from typing import Any

import msgspec
from socketio import packet


class _Json:
    """msgspec under the names that python-socketio calls."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return msgspec.json.encode(value).decode()


class LibraryPacket(packet.Packet):  # type: ignore[misc]
    """Encodes with msgspec. `read_packet` reads the packets of clients.

    The option ``json=`` of `socketio.AsyncServer` would set the module for every server of the
    process; this class sets it for one server.
    """

    json = _Json
