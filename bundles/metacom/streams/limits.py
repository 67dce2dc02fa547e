"""The limits of the streams of one connection."""

import attrs


@attrs.frozen(kw_only=True)
class StreamLimits:
    """See ``max_streams``, ``max_stream_size``, ``stream_window`` and ``stream_timeout`` of
    `MetacomSettings`.

    Attributes:
        max_streams: the maximum of open streams, in both directions.
        max_size: the maximum of bytes of one stream from a client.
        window: the maximum of received but unread bytes of all streams.
        timeout: seconds without data written, received or read, after which a stream fails.
    """

    max_streams: int
    max_size: int
    window: int
    timeout: float
