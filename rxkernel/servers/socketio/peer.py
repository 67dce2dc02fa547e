"""The other end of one Engine.IO session: its namespaces, and the packet it is sending."""

import asyncio
from collections.abc import Callable

from rxkernel.servers.aiohttp.websocket import Frame
from rxkernel.servers.socketio.connection import SocketioConnection
from rxkernel.servers.socketio.limits import Limits, ProtocolError
from rxkernel.servers.socketio.mailbox import Gate
from rxkernel.servers.socketio.packet import Inbound, add_attachment, read_packet
from rxkernel.servers.socketio.session import Session


class Peer:
    """What Socket.IO knows of a session; ``connections`` are by namespace, undecided ones too.

    Unless it is connected to a namespace after ``connect_timeout`` seconds, it is closed.
    """

    __slots__ = ("_begun", "_limits", "_spawn", "_timer", "connections", "gate", "session")

    def __init__(self, session: Session, limits: Limits, spawn: Callable[..., object]) -> None:
        self.session = session
        self.connections: dict[str, SocketioConnection] = {}
        self.gate = Gate()
        self._limits = limits
        self._spawn = spawn
        self._begun: Inbound | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.expect()

    def expect(self) -> None:
        """It is connected to no namespace: give it so long to be, from now if it was to one."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._limits.settings.connect_timeout, self._expire)

    def _expire(self) -> None:
        expired = ProtocolError("connected to no namespace", "socketio.connect_timeout")
        self._spawn(self.session.fail(expired))

    def settle(self) -> None:
        """It is connected to a namespace, or it has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def read(self, frame: Frame) -> Inbound | None:
        """The packet that *frame* completes, if it does.

        Raises:
            ProtocolError: it is no packet, or not what was due.
        """
        settings, begun = self._limits.settings, self._begun
        if isinstance(frame, str):
            if begun is not None:
                raise ProtocolError("text where an attachment was due")
            read = read_packet(frame, settings.max_attachments)
            if not read.missing:
                return read
            self._begun = read
            return None
        if begun is None:
            raise ProtocolError("an attachment that no packet announced")
        add_attachment(begun, frame, settings.max_payload)
        if begun.missing:
            return None
        self._begun = None
        return begun
