"""The limits of the streams of one connection."""

import attrs


@attrs.frozen(kw_only=True)
class StreamLimits:
    """See the settings ``streams`` of `MetacomSettings`.

    Attributes:
        max_streams: most streams that are open at the same time, in both directions.
        max_size: bytes of one stream that a client sends.
        window: bytes of all streams that are received and not read yet.
        timeout: seconds after which a stream fails if nothing is written, received or read.
    """

    max_streams: int
    max_size: int
    window: int
    timeout: float
