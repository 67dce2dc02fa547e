"""The binary streams of one connection; this package does not depend on the server."""

from bundles.metacom.streams.incoming import IncomingStream
from bundles.metacom.streams.limits import StreamLimits
from bundles.metacom.streams.link import Link
from bundles.metacom.streams.outgoing import OutgoingStream
from bundles.metacom.streams.stream_exception import StreamException
from bundles.metacom.streams.streams import Streams

__all__ = [
    "IncomingStream",
    "Link",
    "OutgoingStream",
    "StreamException",
    "StreamLimits",
    "Streams",
]
