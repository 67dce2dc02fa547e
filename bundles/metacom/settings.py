"""The settings of the bundle."""

import attrs

from rxkernel import Allowed

_PATH = Allowed(
    'a path that begins with "/"', (str,), lambda value: value.startswith("/") and "{" not in value
)
_PATHS = attrs.validators.deep_iterable(_PATH, attrs.validators.instance_of(tuple))
_REST = Allowed('"results" or "packets"', (str,), lambda value: value in ("results", "packets"))
_SWITCH = Allowed("true or false", (bool,))
_POSITIVE = Allowed("a whole number greater than 0", (int,), lambda value: value > 0)
_RATE = Allowed("a number of at least 1", (int, float), lambda value: 1 <= value < float("inf"))
_INTERVAL = Allowed("seconds, greater than 0", (int, float), lambda value: 0 < value < 1e9)


@attrs.frozen(kw_only=True)
class MetacomSettings:
    """The section ``[metacom]`` of ``rxkernel.toml``. Times are seconds, sizes bytes."""

    paths: tuple[str, ...] = attrs.field(default=("/", "/api"), validator=_PATHS)
    """The paths of WebSockets. Other requests for them are handled by the routes of the
    application. ``http.prefix`` is not put before them."""

    rpc_path: str = attrs.field(default="/api", validator=_PATH)
    """The path of calls over HTTP, with POST. ``http.prefix`` is not put before it."""

    rest: str = attrs.field(default="results", validator=_REST)
    """What the routes ``/api/<unit>/<method>`` of autoload send: bare ``results``, or ``packets``
    as Impress does."""

    compat: bool = attrs.field(default=False, validator=_SWITCH)
    """Whether errors have the codes, texts and HTTP statuses of Impress 3."""

    max_size: int = attrs.field(default=2_200_000, validator=_POSITIVE)
    """Bytes of a message; a larger one closes the WebSocket with 1009. Browsers send files in
    chunks of up to 2 MiB."""

    heartbeat: float = attrs.field(default=25.0, validator=_INTERVAL)
    """Seconds without data of a client after which it is pinged. It is closed if nothing comes for
    half as many again."""

    max_rate: float = attrs.field(default=1_000.0, validator=_RATE)
    """Packets per second of one WebSocket; also the size of a burst. For more it gets errors, and
    is closed if it goes on. Of chunks with less than 1 KiB, as many are
    received; more wait."""

    max_calls: int = attrs.field(default=100, validator=_POSITIVE)
    """Most calls of one WebSocket that run at the same time; a further one gets the error 429."""

    max_streams: int = attrs.field(default=20, validator=_POSITIVE)
    """Most streams of one WebSocket that are open at the same time, in both directions; a further
    one gets the error 429."""

    max_stream_size: int = attrs.field(default=100_000_000, validator=_POSITIVE)
    """Bytes of a stream that a client sends; a larger one gets the error 413 when it is opened."""

    stream_window: int = attrs.field(default=1_048_576, validator=_POSITIVE)
    """Bytes of the streams of one WebSocket that calls have yet to read. For more, messages of the
    WebSocket wait. Streams that no call has asked for may have as many; for more, messages wait
    while calls run that have begun after the stream, else it fails."""

    stream_timeout: float = attrs.field(default=20.0, validator=_INTERVAL)
    """Seconds without data after which a stream fails, also if its call does not read or write it.
    Less than 1 KiB of a client's stream does not count, unless it is the last. The time must be
    shorter than ``heartbeat``: messages, and so pongs, wait for a call that does not read."""

    max_buffered: int = attrs.field(default=10_000_000, validator=_POSITIVE)
    """Bytes that wait for a client that reads slowly; more close the WebSocket."""

    def __attrs_post_init__(self) -> None:
        if self.stream_timeout >= self.heartbeat:
            raise ValueError(
                f"stream_timeout is {self.stream_timeout}; it must be less than heartbeat, which "
                f"is {self.heartbeat}: while a stream is not read, pongs are not received"
            )
