"""The settings of the bundle."""

import sys

import attrs

from rxkernel import COUNT, SECONDS, SIZE, SWITCH, Allowed

_PATH = Allowed(
    'a path that begins with "/"', (str,), lambda value: value.startswith("/") and "{" not in value
)
_PATHS = attrs.validators.deep_iterable(_PATH, attrs.validators.instance_of(tuple))
_REST = Allowed('"results" or "packets"', (str,), lambda value: value in ("results", "packets"))
_RATE = Allowed(
    "a number, 1 or more", (int, float), lambda value: 1 <= value <= sys.float_info.max
)


@attrs.frozen(kw_only=True)
class MetacomSettings:
    """The section ``[metacom]`` of ``rxkernel.toml``. Times are seconds, sizes bytes."""

    paths: tuple[str, ...] = attrs.field(default=("/", "/api"), validator=_PATHS)
    """The paths of WebSockets. The routes of the application handle other requests for these
    paths. ``http.prefix`` is not added to them."""

    rpc_path: str = attrs.field(default="/api", validator=_PATH)
    """The path of calls over HTTP, with POST. ``http.prefix`` is not added to it."""

    rest: str = attrs.field(default="results", validator=_REST)
    """The content of responses of the routes ``/api/<unit>/<method>`` of autoload: bare
    ``results``, or ``packets`` as with Impress."""

    compat: bool = attrs.field(default=False, validator=SWITCH)
    """Whether errors have the codes, texts and HTTP statuses of Impress 3."""

    max_size: int = attrs.field(default=2_200_000, validator=SIZE)
    """The maximum of bytes of a message; a larger one closes the WebSocket with code 1009.
    Browsers send files in chunks of up to 2 MiB."""

    heartbeat_interval: float = attrs.field(default=25.0, validator=SECONDS)
    """Seconds without data from a client after which it is pinged. The WebSocket is closed if no
    data follows for half as many seconds."""

    max_rate: float = attrs.field(default=1_000.0, validator=_RATE)
    """The maximum of packets per second of one WebSocket; also the size of a burst. Further
    packets get the error 429; if the client continues, the WebSocket is closed. Chunks of less
    than 1 KiB have the same limit; further chunks wait."""

    max_calls: int = attrs.field(default=100, validator=COUNT)
    """The maximum of running calls of one WebSocket; a further call gets the error 429."""

    max_streams: int = attrs.field(default=20, validator=COUNT)
    """The maximum of open streams of one WebSocket, in both directions; a further stream gets the
    error 429."""

    max_stream_size: int = attrs.field(default=100_000_000, validator=SIZE)
    """The maximum of bytes of a stream from a client; a larger one gets the error 413 when it is
    opened."""

    stream_window: int = attrs.field(default=1_048_576, validator=SIZE)
    """The maximum of unread bytes in the streams of one WebSocket; above it, messages of the
    WebSocket wait. Streams that calls have taken, and all others, are counted separately. Above
    the limit of the others, messages wait if a call that began after the stream is running and so
    may take it; otherwise the stream fails."""

    stream_timeout: float = attrs.field(default=20.0, validator=SECONDS)
    """Seconds without data after which a stream fails, also if its call does not read or write it.
    Less than 1 KiB of a client's stream does not count as data, except at its end. The time must
    be shorter than ``heartbeat_interval``, since messages, including pongs, wait for a call that
    does not read."""

    max_buffered: int = attrs.field(default=10_000_000, validator=SIZE)
    """The maximum of bytes that wait for a client that reads slowly; above it, the WebSocket is
    closed."""

    def __attrs_post_init__(self) -> None:
        if self.stream_timeout >= self.heartbeat_interval:
            raise ValueError(
                f"stream_timeout is {self.stream_timeout}; it must be less than "
                f"heartbeat_interval ({self.heartbeat_interval}), since no pongs are received "
                "while a stream is not read"
            )
