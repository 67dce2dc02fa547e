"""What packets of a stream say beside its pieces: in the meta in protocol 4, in headers in 5."""

from typing import Any

from bundles.gateway.cluster.packets import RequestPacket, ResponsePacket

_OBJECTS = "$streamObjectMode"
_ERROR = "$streamError"


def has_objects(packet: RequestPacket | ResponsePacket) -> bool:
    """Whether the pieces are any JSON, and not bytes."""
    return _read(packet, _OBJECTS) is True


def stream_error(packet: RequestPacket) -> Any:
    """The fields of the error that ended the stream of a request; None without one."""
    return _read(packet, _ERROR)


def set_stream_error(packet: RequestPacket, fields: dict[str, Any], protocol: str) -> None:
    """Let *packet*, the last one of a stream, report an error."""
    if protocol == "4":
        packet.meta = {_ERROR: fields}
    else:
        packet.headers = {_ERROR: fields}


def _read(packet: RequestPacket | ResponsePacket, key: str) -> Any:
    for fields in (packet.headers, packet.meta):
        if fields and key in fields:
            return fields.pop(key)
    return None
