"""MessagePack in place of JSON for clients that prefer it (RFC 9110 §12.5.1)."""

from typing import Any

from multidict import CIMultiDict, CIMultiDictProxy

from rxkernel.kernel.messagepack import encode_msgpack
from rxkernel.kernel.serialization import encode_json
from rxkernel.messages.media_type import MSGPACK_NAMES
from rxkernel.servers.http import header_names as hdrs
from rxkernel.servers.http.quality_values import weighted

RequestHeaders = CIMultiDict[str] | CIMultiDictProxy[str]

JSON = "application/json"
_JSON_RANGES = {JSON: 2, "application/*": 1, "*/*": 0}


def encode_negotiated(headers: RequestHeaders, value: Any) -> tuple[bytes, str]:
    """*value* as the client that sent *headers* prefers it, and the type of that.

    Who accepts neither gets JSON (§12.4.1 allows it), and so does who asks for MessagePack of
    a number that only JSON can hold.
    """
    if (kind := preferred_msgpack(headers.getall(hdrs.ACCEPT, []))) is not None:
        try:
            return encode_msgpack(value), kind
        except OverflowError:
            return encode_json(value), JSON
    return encode_json(value), JSON


def preferred_msgpack(lines: list[str]) -> str | None:
    """The name by which ``Accept`` prefers MessagePack to JSON; None where it does not.

    The higher weight wins, of equal ones the narrower range, then what stands first.
    """
    if "msgpack" not in ",".join(lines).lower():
        return None
    json, msgpack, name = (0.0, -1, 0), (0.0, -1, 0), ""
    for place, (kind, weight) in enumerate(weighted(lines)):
        if kind in MSGPACK_NAMES:
            if (rank := (weight, 2, -place)) > msgpack:
                msgpack, name = rank, kind
        elif (narrow := _JSON_RANGES.get(kind, -1)) > json[1]:  # the narrowest range counts
            json = (weight, narrow, -place)
    return name if msgpack[0] > 0 and msgpack > json else None
