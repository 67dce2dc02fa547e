"""Socket.IO packets whose JSON is read and written by msgspec."""

from typing import Any

import msgspec
from socketio import packet

from rxkernel.messages.response import Response
from rxkernel.servers.socketio.wire import acknowledgement

Encoded = str | list[str | bytes]
"""A packet as it is sent: a text, or a list of the text and its attachments."""


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
    """NaN and Infinity, which would break every browser of a room, are neither read nor sent."""

    json = _Json


def encode_acknowledgement(namespace: str, id: int | None, response: Response) -> Encoded | None:
    """The packet that acknowledges *id*; None where the client asked for none.

    Raises:
        StreamNotSupportedException, TypeError, ValueError, RecursionError: see
            `acknowledgement`; also where the text cannot be UTF-8.
    """
    if id is None:
        return None
    payload = acknowledgement(response)
    return _encode(KernelPacket(packet.ACK, namespace=namespace, id=id, data=[payload]))


def encode_refusal(namespace: str, response: Response) -> Encoded:
    """The CONNECT_ERROR packet: ``{"message": str, "data": <error body>}``.

    Raises:
        As `encode_acknowledgement`.
    """
    body = acknowledgement(response)
    error = {"message": str(body.get("message", "Refused")), "data": body}
    return _encode(KernelPacket(packet.CONNECT_ERROR, namespace=namespace, data=error))


def _encode(packet: KernelPacket) -> Encoded:
    encoded: Encoded = packet.encode()
    return encoded
