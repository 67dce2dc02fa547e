"""Sends MessagePack instead of JSON to clients that prefer it (RFC 9110 §12.5.1)."""

from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy

from rxkernel.kernel.messagepack import encode_msgpack
from rxkernel.kernel.serialization import SERIALIZER, Serializer
from rxkernel.messages.media_type import MSGPACK_NAMES
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.quality_values import weighted

RequestHeaders = CIMultiDict[str] | CIMultiDictProxy[str]

JSON = "application/json"
_JSON_RANGES = {JSON: 2, "application/*": 1, "*/*": 0}


def encode_negotiated(
    headers: RequestHeaders, value: Any, serializer: Serializer = SERIALIZER
) -> tuple[bytes, str]:
    """Encode *value* in the format that *headers* prefer; return the body and its type.

    The body is JSON if the client accepts neither format (§12.4.1 allows it), or if *value* has a
    number that MessagePack cannot represent.
    """
    if (kind := preferred_msgpack(headers.getall(hdrs.ACCEPT, []))) is not None:
        try:
            return encode_msgpack(value, serializer), kind
        except OverflowError:
            return serializer.encode_json(value), JSON
    return serializer.encode_json(value), JSON


def preferred_msgpack(lines: list[str]) -> str | None:
    """Return the media type of MessagePack if ``Accept`` prefers it to JSON, else None.

    The higher weight decides, then the more specific range, then the earlier entry.
    """
    if "msgpack" not in ",".join(lines).lower():
        return None
    json, msgpack, name = (0.0, -1, 0), (0.0, -1, 0), ""
    for place, (kind, weight) in enumerate(weighted(lines)):
        if kind in MSGPACK_NAMES:
            if (rank := (weight, 2, -place)) > msgpack:
                msgpack, name = rank, kind
        elif (specificity := _JSON_RANGES.get(kind, -1)) > json[1]:  # the most specific one counts
            json = (weight, specificity, -place)
    return name if msgpack[0] > 0 and msgpack > json else None
