"""What waits for a client to take it, within a budget."""

from rxkernel.servers.aiohttp.websocket import Frame, encode_frame
from rxkernel.servers.socketio.limits import Limits, ProtocolError


class Outgoing:
    """One message, encoded once however many clients get it.

    ``text`` is an Engine.IO packet in UTF-8, ``attachments`` the binary packets behind it;
    an event (``is_event``) may be dropped where a client is too slow. ``size`` is in bytes,
    without what a transport adds.
    """

    __slots__ = ("_wire", "attachments", "is_event", "size", "text")

    def __init__(
        self, text: bytes | None, attachments: tuple[bytes, ...] = (), *, is_event: bool = False
    ) -> None:
        self.text = text
        self.attachments = attachments
        self.is_event = is_event
        self.size = len(text or b"") + (sum(map(len, attachments)) if attachments else 0)
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        """All of it as websocket frames."""
        if self._wire is None:
            self._wire = b"" if self.text is None else encode_frame(self.text, is_text=True)
            for attachment in self.attachments:
                self._wire += encode_frame(attachment, is_text=False)
        return self._wire

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The packets one by one."""
        if self.text is None:
            return self.attachments
        return (self.text.decode(), *self.attachments)


class Outbox:
    """First in, first out.

    Above ``max_outbound_messages`` or ``max_outbound_bytes`` the policy decides: the client
    is closed, or loses its oldest events. Acknowledgements and the protocol's own packets
    are never dropped, and a message alone may be of any size.
    """

    __slots__ = ("_begun", "_limits", "_sid", "_waiting", "size")

    def __init__(self, limits: Limits, sid: str) -> None:
        self._limits = limits
        self._sid = sid
        self._waiting: list[Outgoing] = []
        self._begun: list[Frame] = []
        self.size = 0

    def __len__(self) -> int:
        """How many packets wait at least; 0 when none does."""
        return len(self._waiting) + len(self._begun)

    def __contains__(self, message: Outgoing) -> bool:
        return message in self._waiting

    def crossed_by(self, message: Outgoing) -> str | None:
        """The setting that *message* on top would go over."""
        settings = self._limits.settings
        if len(self._waiting) >= settings.max_outbound_messages:
            return "socketio.max_outbound_messages"
        if self._waiting and self.size + message.size > settings.max_outbound_bytes:
            return "socketio.max_outbound_bytes"
        return None

    def put(self, message: Outgoing) -> None:
        """Let *message* wait.

        Raises:
            ProtocolError: it is too much, and nothing may be dropped.
        """
        setting = self.crossed_by(message)
        if setting is None or self._makes_room(message, setting):
            self.add(message)

    def add(self, message: Outgoing) -> None:
        """Let *message* wait, which crosses nothing."""
        self._waiting.append(message)
        self.size += message.size

    def _makes_room(self, message: Outgoing, setting: str) -> bool:
        """Drop events, the oldest first; False when *message* itself is the one to drop."""
        if self._limits.settings.outbound_policy != "drop_oldest":
            raise ProtocolError("the client does not take what it is sent", setting)
        while self.crossed_by(message) is not None:
            oldest = next((one for one in self._waiting if one.is_event), message)
            if not oldest.is_event:
                raise ProtocolError("the client does not take what it is sent", setting)
            self._limits.record(setting, f"dropped an event that {self._sid} did not take")
            if oldest is message:
                return False
            self._waiting.remove(oldest)
            self.size -= oldest.size
        return True

    def take(self) -> Frame:
        """The next packet, text or binary."""
        if not self._begun:
            message = self._waiting.pop(0)
            self.size -= message.size
            self._begun = list(reversed(message.frames))
        return self._begun.pop()

    def take_all(self) -> bytes:
        """All that waits, as websocket frames."""
        wires = [message.wire for message in self._waiting]
        wires[:0] = map(_wire, reversed(self._begun))
        self.clear()
        return b"".join(wires)

    def clear(self) -> None:
        self._waiting.clear()
        self._begun.clear()
        self.size = 0


def _wire(frame: Frame) -> bytes:
    if isinstance(frame, str):
        return encode_frame(frame.encode(), is_text=True)
    return encode_frame(frame, is_text=False)
