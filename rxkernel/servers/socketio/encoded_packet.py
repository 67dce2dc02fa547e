"""A Socket.IO packet as transports send it."""

from rxkernel.messages.connection_recovery import LogPosition
from rxkernel.servers.aiohttp.websocket_stream import WebSocketMessage, encode_frame


class EncodedPacket:
    """A packet that is encoded once for all recipients.

    Attributes:
        text: an Engine.IO packet in UTF-8; None for attachments only.
        attachments: the binary packets that follow *text*.
        is_event: whether the packet is an event without acknowledgement, which may be dropped
            when a client is too slow.
        size: bytes of text and attachments, without the framing of a transport.
        position: the position of an event, if events are recorded for recovery.
    """

    __slots__ = ("_websocket_frames", "attachments", "is_event", "position", "size", "text")

    def __init__(
        self, text: bytes | None, attachments: tuple[bytes, ...] = (), *, is_event: bool = False
    ) -> None:
        self.text = text
        self.attachments = attachments
        self.is_event = is_event
        self.position: LogPosition = None
        self.size = len(text or b"") + (sum(map(len, attachments)) if attachments else 0)
        self._websocket_frames: bytes | None = None

    @property
    def websocket_frames(self) -> bytes:
        """The whole packet as websocket frames."""
        if self._websocket_frames is None:
            frames = b"" if self.text is None else encode_frame(self.text, is_text=True)
            for attachment in self.attachments:
                frames += encode_frame(attachment, is_text=False)
            self._websocket_frames = frames
        return self._websocket_frames

    @property
    def frames(self) -> tuple[WebSocketMessage, ...]:
        """Text and attachments as separate Engine.IO packets."""
        if self.text is None:
            return self.attachments
        return (self.text.decode(), *self.attachments)
