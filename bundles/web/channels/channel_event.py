"""An event of a channel, encoded once for all its subscribers."""

from typing import Any

from rxkernel import EncodedEvent, ServerSentEvent, encode_event

RESET = "reset"
"""The event for a client that may have missed events."""


class ChannelEvent:
    """One event; clients get ``data`` as JSON, even if it is a str.

    Attributes:
        sequence: its number among the events of all channels.
        encoded: the event for event streams.
        size: the bytes of *encoded*.
        sent_at: seconds, of the clock of the event loop.

    Raises:
        TypeError: *event* is not a str.
        ValueError: *event* is empty, has a line break or NUL, or is `RESET`.
    """

    __slots__ = ("_body", "_message", "encoded", "sent_at", "sequence", "size")

    def __init__(
        self,
        event: str,
        body: bytes,
        *,
        id: str,
        sequence: int,
        sent_at: float,
    ) -> None:
        self.sequence = sequence
        self.sent_at = sent_at
        self._body = body
        self._message: bytes | None = None
        plain = ServerSentEvent(event=event, data=body.decode(), id=id)
        encoded = encode_event(plain)
        self.encoded = EncodedEvent(event=event, data=plain.data, id=id, encoded=encoded)
        self.size = len(encoded)

    def message(self, encode: Any) -> bytes:
        """The event for WebSockets: ``{"event", "data", "id"}``. *encode* encodes JSON."""
        if self._message is None:
            head, tail = encode(self.encoded.event), encode(self.encoded.id)
            self._message = b'{"event":%b,"data":%b,"id":%b}' % (head, self._body, tail)
        return self._message


def checked_event_name(name: object) -> str:
    """Return *name*, the name of an event of an application.

    Raises:
        TypeError: it is not a str.
        ValueError: it is empty or reserved. `ServerSentEvent` checks the rest.
    """
    if not isinstance(name, str):
        raise TypeError(f"the name of an event is {name!r}; it must be a str")
    if name in ("", RESET):
        raise ValueError(
            f"the name of an event is {name!r}; it must not be empty, and {RESET!r} is reserved "
            f"for clients that may have missed events"
        )
    return name
