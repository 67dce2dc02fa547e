"""The open streams of a connection, with their idle timers."""

from collections.abc import Callable, Iterator

from bundles.metacom.streams.idle_timer import IdleTimer
from bundles.metacom.streams.incoming import IncomingStream
from bundles.metacom.streams.limits import StreamLimits
from bundles.metacom.streams.link import Loop
from bundles.metacom.streams.outgoing import OutgoingStream
from rxkernel import TooManyRequestsException

Stream = IncomingStream | OutgoingStream


class OpenStreams:
    """The open streams in both directions. Iteration works on a copy, so streams may be
    removed."""

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
        """Check that a further stream may be opened.

        Raises:
            TooManyRequestsException: ``max_streams`` are open.
        """
        if len(self._timers) >= self._limits.max_streams:
            raise TooManyRequestsException("too many open streams")

    def add(self, stream: Stream, on_idle: Callable[[], None]) -> None:
        """Add *stream*; *on_idle* is called each time that it is idle for the time limit."""
        self._timers[stream] = IdleTimer(self._loop, self._limits.timeout, on_idle)

    def touch(self, stream: Stream) -> None:
        """Restart the idle timer of *stream*."""
        timer = self._timers.get(stream)
        if timer is not None:
            timer.touch()

    def remove(self, stream: Stream) -> None:
        timer = self._timers.pop(stream, None)
        if timer is not None:
            timer.cancel()
