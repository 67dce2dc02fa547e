"""The states of a connection with a fast path; see docs/explain/architecture.md."""

from enum import Enum


class ConnectionState(Enum):
    IDLE = "idle"
    """No message is handled. The next one goes to the fast path, or to aiohttp."""

    FAST = "fast"
    """The fast path handles a message. Further data waits."""

    HANDING_OVER = "handing over"
    """aiohttp has a part of one message, and gets the rest as it arrives."""

    HANDED_OVER = "handed over"
    """aiohttp has all of one message, and responds to it. Further data waits."""

    AIOHTTP_ONLY = "aiohttp only"
    """aiohttp gets all data until the connection is closed."""

    CLOSED = "closed"
    """The connection is closed, or will be closed when all written data is sent."""


# Reading an attribute of an Enum costs a call on Python 3.11.
IDLE = ConnectionState.IDLE
FAST = ConnectionState.FAST
HANDING_OVER = ConnectionState.HANDING_OVER
HANDED_OVER = ConnectionState.HANDED_OVER
AIOHTTP_ONLY = ConnectionState.AIOHTTP_ONLY
CLOSED = ConnectionState.CLOSED
