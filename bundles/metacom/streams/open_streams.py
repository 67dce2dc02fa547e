"""Which streams of a connection are open, and since when nothing happens to them."""

from collections.abc import Callable, Iterator

from bundles.metacom.streams.idle_timer import IdleTimer
from bundles.metacom.streams.incoming import IncomingStream
from bundles.metacom.streams.limits import StreamLimits
from bundles.metacom.streams.link import Loop
from bundles.metacom.streams.outgoing import OutgoingStream
from rxkernel import TooManyRequestsException

Stream = IncomingStream | OutgoingStream


class OpenStreams:
    """Those that are not closed, in both directions. Iterating over it returns a copy."""

    def __init__(self, limits: StreamLimits, loop: Loop) -> None:
        self._limits = limits
        self._loop = loop
        self._timers: dict[Stream, IdleTimer] = {}

    def __iter__(self) -> Iterator[Stream]:
        return iter(tuple(self._timers))

    def __contains__(self, stream: Stream) -> bool:
        return stream in self._timers

    def __bool__(self) -> bool:
        return bool(self._timers)

    def check_room(self) -> None:
        """Check that one more may be opened.

        Raises:
            TooManyRequestsException: it may not.
        """
        if len(self._timers) >= self._limits.max_streams:
            raise TooManyRequestsException("too many streams at the same time")

    def add(self, stream: Stream, on_idle: Callable[[], None]) -> None:
        """Call *on_idle* whenever nothing happens to *stream* for the time of the limits."""
        self._timers[stream] = IdleTimer(self._loop, self._limits.timeout, on_idle)

    def touch(self, stream: Stream) -> None:
        """Something happens to *stream*."""
        timer = self._timers.get(stream)
        if timer is not None:
            timer.touch()

    def remove(self, stream: Stream) -> None:
        timer = self._timers.pop(stream, None)
        if timer is not None:
            timer.cancel()
