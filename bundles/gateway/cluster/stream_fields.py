"""Additional fields of streams in packets: in the meta in protocol 4, in the headers in 5."""

from typing import Any

from bundles.gateway.cluster.packets import RequestPacket, ResponsePacket

_OBJECTS = "$streamObjectMode"
_ERROR = "$streamError"


def has_objects(packet: RequestPacket | ResponsePacket) -> bool:
    """Whether the pieces are JSON values, and not bytes."""
    return _read(packet, _OBJECTS) is True


def stream_error(packet: RequestPacket) -> Any:
    """Return the fields of the error that ended the stream of a request; None: no error."""
    return _read(packet, _ERROR)


def set_stream_error(packet: RequestPacket, fields: dict[str, Any], protocol: str) -> None:
    """Add the error *fields* to *packet*, the last one of a stream."""
    if protocol == "4":
        packet.meta = {_ERROR: fields}
    else:
        packet.headers = {_ERROR: fields}


def _read(packet: RequestPacket | ResponsePacket, key: str) -> Any:
    for fields in (packet.headers, packet.meta):
        if fields and key in fields:
            return fields.pop(key)
    return None
