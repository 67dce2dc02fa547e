"""Socket.IO packets whose JSON is read and written by msgspec."""

import re
from http import HTTPStatus
from typing import Any

import msgspec
from socketio import packet

from rxkernel.kernel.serialization import to_plain
from rxkernel.messages.response import Acknowledgement, Response
from rxkernel.servers.socketio.wire import acknowledgement

Encoded = str | list[str | bytes]
"""A packet as it is sent: a text, or a list of the text and its attachments."""

_GRAMMAR = re.compile(
    r"([0-6])(?:([1-9]|10)-)?(?:(/[^,?]{0,255})(?:\?[^,]{0,255})?(?:,|\Z))?([0-9]{1,16})?((?s:.*))",
    re.ASCII,
)
"""Type, number of attachments, namespace without its query, acknowledgement id, payload."""

_LARGEST_ID = 2**53 - 1


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


class KernelPacket(packet.Packet):  # type: ignore[misc]
    """Read strictly, as the protocol writes it (Socket.IO v5, "Packet encoding").

    NaN and Infinity, which would break every browser of a room, are neither read nor sent.
    """

    json = _Json
    size = 0
    """Bytes of the attachments that have come so far."""

    def decode(self, encoded_packet: str) -> int:
        """Read the text of a packet, and return how many attachments follow.

        Raises:
            ValueError: it breaks the protocol.
        """
        found = _GRAMMAR.fullmatch(encoded_packet)
        if found is None:
            raise ValueError("no Socket.IO packet")
        kind, attachments, namespace, id, payload = found.groups()
        self.packet_type = int(kind)
        self.namespace = namespace or "/"
        self.id = None if id is None else int(id)
        self.data = None if not payload else self.json.loads(payload)
        self._check(attachments)
        return int(attachments or 0)

    def _check(self, attachments: str | None) -> None:
        is_binary = self.packet_type in (packet.BINARY_EVENT, packet.BINARY_ACK)
        if is_binary != (attachments is not None):
            raise ValueError("attachments where none can be, or none where they must")
        if self.id is not None and self.id > _LARGEST_ID:
            raise ValueError("an acknowledgement id above 2**53 - 1")
        if self.packet_type in (packet.EVENT, packet.BINARY_EVENT):
            if not isinstance(self.data, list) or not self.data or type(self.data[0]) is not str:
                raise ValueError("an event without a name")
        elif self.packet_type in (packet.ACK, packet.BINARY_ACK):
            if not isinstance(self.data, list) or self.id is None:
                raise ValueError("an acknowledgement without values or id")
        elif self.id is not None:
            raise ValueError("an id where none can be")
        elif self.packet_type == packet.DISCONNECT and self.data is not None:
            raise ValueError("a DISCONNECT that says something")

    @classmethod
    def reconstruct_binary(cls, data: Any, attachments: list[bytes]) -> Any:
        """Put each attachment in its place.

        Raises:
            ValueError: one has no place, or several.
        """
        places: list[int] = []
        filled = _filled(data, attachments, places)
        if sorted(places) != list(range(len(attachments))):
            raise ValueError("attachments and placeholders do not fit")
        return filled


def _filled(data: Any, attachments: list[bytes], places: list[int]) -> Any:
    if isinstance(data, list):
        return [_filled(item, attachments, places) for item in data]
    if not isinstance(data, dict):
        return data
    if data.get("_placeholder") is True:
        number = data.get("num")
        if type(number) is not int or not 0 <= number < len(attachments):
            raise ValueError("a placeholder for an attachment that there is not")
        places.append(number)
        return attachments[number]
    return {key: _filled(item, attachments, places) for key, item in data.items()}


def encode_acknowledgement(namespace: str, id: int | None, response: Response) -> Encoded | None:
    """The packet that acknowledges *id*; None where the client asked for none.

    Raises:
        StreamNotSupportedException, TypeError, ValueError, RecursionError: see
            `acknowledgement`; also where the text cannot be UTF-8.
    """
    if id is None:
        return None
    if isinstance(response, Acknowledgement):
        data = to_plain(response.content)
    else:
        data = [acknowledgement(response)]
    return _encode(KernelPacket(packet.ACK, namespace=namespace, id=id, data=data))


def encode_refusal(namespace: str, response: Response) -> Encoded:
    """The CONNECT_ERROR packet: ``{"message": str, "data": <error body>}``.

    Raises:
        As `encode_acknowledgement`.
    """
    body = acknowledgement(response)
    phrase = HTTPStatus(response.status_code).phrase
    error = {"message": str(body.get("message", phrase)), "data": body}
    return _encode(KernelPacket(packet.CONNECT_ERROR, namespace=namespace, data=error))


def encode_invalid_namespace(namespace: str) -> Encoded:
    """The CONNECT_ERROR for a namespace that nobody serves, in the protocol's own words."""
    error = {"message": "Invalid namespace"}
    return _encode(KernelPacket(packet.CONNECT_ERROR, namespace=namespace, data=error))


def _encode(packet: KernelPacket) -> Encoded:
    encoded: Encoded = packet.encode()
    return encoded
