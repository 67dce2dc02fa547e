"""The text of server-sent events (HTML Standard, "Interpreting an event stream")."""

import re

from rxkernel.kernel.serialization import encode_json
from rxkernel.messages.response import ServerSentEvent

_LINE_END = re.compile(r"\r\n|\r|\n")


def encode_event(event: ServerSentEvent) -> bytes:
    """Write one event; a line break in ``data`` starts another data line.

    Raises:
        ValueError: ``id`` or ``event`` holds a line break, or ``id`` a NUL.
    """
    lines = []
    for name, value in (("id", event.id), ("event", event.event)):
        if value is not None:
            if any(c in value for c in "\r\n\0"):
                raise ValueError(f"{name} of a server-sent event is {value!r}: one line, no NUL")
            lines.append(f"{name}: {value}")
    if event.retry is not None:
        lines.append(f"retry: {round(event.retry * 1000)}")
    data = event.data if isinstance(event.data, str) else encode_json(event.data).decode()
    lines += [f"data: {line}" for line in _LINE_END.split(data)]
    return ("\n".join(lines) + "\n\n").encode()
