"""The text of server-sent events (HTML Standard, "Interpreting an event stream")."""

import re
from typing import Any

from rxkernel.kernel.serialization import SERIALIZER, Serializer
from rxkernel.messages.response import EncodedEvent, ServerSentEvent

HEARTBEAT = b":\n\n"
"""A comment: it prevents an idle timeout, and scripts in the browser do not receive it."""

_LINE_END = re.compile(r"\r\n|\r|\n")


def encode_event(event: Any, serializer: Serializer = SERIALIZER) -> bytes:
    """Encode one event. Each line of ``data`` becomes a data line. An `EncodedEvent` is unchanged.

    Raises:
        TypeError: *event* is not a `ServerSentEvent`, or JSON cannot represent its data.
    """
    if isinstance(event, EncodedEvent):
        return event.encoded
    if not isinstance(event, ServerSentEvent):
        raise TypeError(
            f"the source of an event stream yielded {type(event).__qualname__}; "
            "it must yield ServerSentEvent(data=...)"
        )
    lines = []
    if event.id is not None:
        lines.append(f"id: {event.id}")
    if event.event is not None:
        lines.append(f"event: {event.event}")
    if event.retry is not None:
        lines.append(f"retry: {_milliseconds(event.retry)}")
    lines += [f"data: {line}" for line in _LINE_END.split(_text_of(event.data, serializer))]
    return ("\n".join(lines) + "\n\n").encode()


def _text_of(data: Any, serializer: Serializer) -> str:
    if type(data) is str:
        return data
    if isinstance(data, str) and serializer.encode_scalar(data) is data:
        return data
    return serializer.encode_json(data).decode()


def encode_retry(retry: float) -> bytes:
    """Encode the *retry* seconds alone, without an event."""
    return f"retry: {_milliseconds(retry)}\n\n".encode()


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
