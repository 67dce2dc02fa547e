"""The text of server-sent events (HTML Standard, "Interpreting an event stream")."""

import re
from typing import Any

from rxkernel.kernel.serialization import encode_json
from rxkernel.messages.response import ServerSentEvent

HEARTBEAT = b":\n\n"
"""A comment: keeps the connection busy, and no script hears of it."""

_LINE_END = re.compile(r"\r\n|\r|\n")


def encode_event(event: Any) -> bytes:
    """Write one event; a line break in ``data`` starts another data line.

    Raises:
        TypeError: it is no `ServerSentEvent`, or its data is nothing that JSON can hold.
    """
    if not isinstance(event, ServerSentEvent):
        raise TypeError(
            f"the source of an event stream gave {type(event).__qualname__}; "
            "it must give ServerSentEvent(data=...)"
        )
    lines = []
    if event.id is not None:
        lines.append(f"id: {event.id}")
    if event.event is not None:
        lines.append(f"event: {event.event}")
    if event.retry is not None:
        lines.append(f"retry: {_milliseconds(event.retry)}")
    data = event.data if isinstance(event.data, str) else encode_json(event.data).decode()
    lines += [f"data: {line}" for line in _LINE_END.split(data)]
    return ("\n".join(lines) + "\n\n").encode()


def encode_retry(retry: float) -> bytes:
    """The *retry* seconds alone, without an event."""
    return f"retry: {_milliseconds(retry)}\n\n".encode()


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
