"""The packets that wait until a client receives them, limited in number and size."""

from rxkernel.servers.aiohttp.websocket_stream import WebSocketMessage, encode_frame
from rxkernel.servers.socketio.encoded_packet import EncodedPacket
from rxkernel.servers.socketio.protocol_error import ProtocolError
from rxkernel.servers.socketio.session_limits import SessionLimits

_TOO_SLOW = "the client reads too slowly"


class SendQueue:
    """A queue of packets, first in, first out.

    Above ``max_outbound_messages`` or ``max_outbound_bytes``, depending on ``outbound_policy``,
    the session is closed, or its oldest events are dropped. Acknowledgements and packets of the
    protocol itself are never dropped. A single packet may have any size.
    """

    __slots__ = ("_limits", "_partial", "_sid", "_waiting", "size")

    def __init__(self, limits: SessionLimits, sid: str) -> None:
        self._limits = limits
        self._sid = sid
        self._waiting: list[EncodedPacket] = []
        self._partial: list[
            WebSocketMessage
        ] = []  # frames of a packet that `take` has begun, last first
        self.size = 0

    def __len__(self) -> int:
        """The number of waiting packets; for a partly taken packet, its frames are counted."""
        return len(self._waiting) + len(self._partial)

    def __contains__(self, packet: EncodedPacket) -> bool:
        return packet in self._waiting

    def limit_exceeded_by(self, packet: EncodedPacket) -> str | None:
        """The setting whose limit *packet* would exceed, or None."""
        settings = self._limits.settings
        if len(self._waiting) >= settings.max_outbound_messages:
            return "socketio.max_outbound_messages"
        if self._waiting and self.size + packet.size > settings.max_outbound_bytes:
            return "socketio.max_outbound_bytes"
        return None

    def put(self, packet: EncodedPacket) -> None:
        """Append *packet*, within the limits.

        Raises:
            ProtocolError: a limit is exceeded, and no event can be dropped.
        """
        setting = self.limit_exceeded_by(packet)
        if setting is None or self._makes_room(packet, setting):
            self.add(packet)

    def add(self, packet: EncodedPacket) -> None:
        """Append *packet* without checking the limits."""
        self._waiting.append(packet)
        self.size += packet.size

    def _makes_room(self, packet: EncodedPacket, setting: str) -> bool:
        """Drop events, the oldest first; return False if *packet* itself must be dropped."""
        if self._limits.settings.outbound_policy != "drop_oldest":
            raise ProtocolError(_TOO_SLOW, setting)
        while self.limit_exceeded_by(packet) is not None:
            oldest = next((one for one in self._waiting if one.is_event), packet)
            if not oldest.is_event:
                raise ProtocolError(_TOO_SLOW, setting)
            self._limits.record(setting, f"dropped an event for the slow client {self._sid}")
            if oldest is packet:
                return False
            self._waiting.remove(oldest)
            self.size -= oldest.size
        return True

    def take(self) -> WebSocketMessage:
        """Remove and return the next frame, text or binary."""
        if not self._partial:
            packet = self._waiting.pop(0)
            self.size -= packet.size
            self._partial = list(reversed(packet.frames))
        return self._partial.pop()

    def take_all(self) -> bytes:
        """Remove all packets and return them as websocket frames."""
        frames = [packet.websocket_frames for packet in self._waiting]
        frames[:0] = map(_websocket_frame, reversed(self._partial))
        self.clear()
        return b"".join(frames)

    def clear(self) -> None:
        self._waiting.clear()
        self._partial.clear()
        self.size = 0


def _websocket_frame(frame: WebSocketMessage) -> bytes:
    if isinstance(frame, str):
        return encode_frame(frame.encode(), is_text=True)
    return encode_frame(frame, is_text=False)
