"""The error of a stream."""

from rxkernel import BadRequestException


class StreamException(BadRequestException):
    """A stream has failed: its length is wrong, it was terminated, no data was transferred for too
    long, or the connection is closed."""
