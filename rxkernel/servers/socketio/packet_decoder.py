"""Assembles the packets of a client from text and binary frames."""

from typing import Any

from rxkernel.servers.socketio.packet import Packet, read_packet
from rxkernel.servers.socketio.protocol_error import ProtocolError
from rxkernel.settings import SocketioSettings


class PacketDecoder:
    """Reads the frames of one session in order; attachments follow the text of their packet."""

    __slots__ = ("_partial", "_settings")

    def __init__(self, settings: SocketioSettings) -> None:
        self._settings = settings
        self._partial: Packet | None = None

    def add(self, frame: str | bytes) -> Packet | None:
        """Return the packet that *frame* completes; None while attachments are missing.

        Args:
            frame: an Engine.IO MESSAGE: text with its type, or an attachment.

        Raises:
            ProtocolError: the packet is invalid or exceeds a limit, or *frame* is not the
                attachment or text that must come next.
        """
        if isinstance(frame, bytes):
            return self._add_attachment(frame)
        if self._partial is not None:
            raise ProtocolError("text where an attachment was expected")
        packet = read_packet(frame[1:], self._settings.max_attachments)
        if not packet.missing:
            return packet
        self._partial = packet
        return None

    def _add_attachment(self, attachment: bytes) -> Packet | None:
        packet = self._partial
        if packet is None:
            raise ProtocolError("an attachment that was not announced")
        packet.size += len(attachment)
        if packet.size > self._settings.max_payload:
            raise ProtocolError("attachments are too large", "socketio.max_payload")
        packet.attachments += (attachment,)
        packet.missing -= 1
        if packet.missing:
            return None
        self._partial = None
        _fill(packet)
        return packet


def _fill(packet: Packet) -> None:
    """Replace the placeholders in the data of *packet* with its attachments.

    Raises:
        ProtocolError: attachments and placeholders do not match.
    """
    numbers: list[int] = []
    try:
        packet.data = _filled(packet.data, packet.attachments, numbers)
    except RecursionError as exc:
        raise ProtocolError("nested too deeply") from exc
    if sorted(numbers) != list(range(len(packet.attachments))):
        raise ProtocolError("attachments and placeholders do not match")


def _filled(data: Any, attachments: tuple[bytes, ...], numbers: list[int]) -> Any:
    """Return *data* with attachments for placeholders; append the used numbers to *numbers*."""
    if isinstance(data, list):
        return [_filled(item, attachments, numbers) for item in data]
    if not isinstance(data, dict):
        return data
    if data.get("_placeholder") is True:
        number = data.get("num")
        if type(number) is not int or not 0 <= number < len(attachments):
            raise ProtocolError("a placeholder for a missing attachment")
        numbers.append(number)
        return attachments[number]
    return {key: _filled(item, attachments, numbers) for key, item in data.items()}
