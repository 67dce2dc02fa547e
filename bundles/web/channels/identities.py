"""Ends the streams and WebSockets of clients whose credentials have ended."""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs
from injector import inject

from bundles.security import (
    RevokedEvent,
    SecurityEvents,
    SecuritySettings,
    Token,
    TokensInUseEvent,
)
from bundles.sessions import SessionEndedEvent, SessionEvents, Sessions
from rxkernel import ApplicationEvents, Request, ShutdownEvent, observe

_LONGEST_TIMER = 86_400.0
"""Seconds, since event loops limit their timers; then the timer is set again."""

_REMEMBERED = 600.0
"""Seconds for which the end of a credential is kept, to end streams of requests that were
authenticated before, and begin later."""

_Key = tuple[str, str]


@attrs.define(eq=False)
class _Watched:
    token: Token[Any]
    end: Callable[[], None]
    since: float
    timer: asyncio.TimerHandle | None = None
    release_session: Callable[[], None] | None = None


class Identities:
    """The identities of the open streams and WebSockets of this process."""

    @inject
    def __init__(self, settings: SecuritySettings, sessions: Sessions) -> None:
        self._sessions = sessions
        self._leeway = settings.tokens.leeway
        self._watched: dict[_Key, dict[_Watched, None]] = {}
        self._ended: dict[_Key, float] = {}

    def watch(self, request: Request, end: Callable[[], None]) -> Callable[[], None]:
        """Call *end* once when the credential of *request* ends; at once if it has ended already.

        It ends when its token expires or is revoked, and when its session ends or gets another id.
        It never ends for an anonymous client without a session.

        Returns:
            A function that ends the watch.
        """
        token: Token[Any] | None = request.token
        if token is None:
            return _nothing
        since = time.time() - (time.perf_counter() - request.received_at)
        watched = _Watched(token, end, since)
        for key in _keys(token):
            if self._ended.get(key, -1.0) >= request.received_at:
                self._release(watched)
                end()
                return _nothing
            self._watched.setdefault(key, {})[watched] = None
        self._set_timer(watched)
        if token.credential == "session" and token.id is not None:
            watched.release_session = self._sessions.watch(token.id)

        def release() -> None:
            self._release(watched)

        return release

    def _release(self, watched: _Watched) -> None:
        if watched.timer is not None:
            watched.timer.cancel()
            watched.timer = None
        if watched.release_session is not None:
            watched.release_session()
            watched.release_session = None
        for key in _keys(watched.token):
            found = self._watched.get(key, {})
            found.pop(watched, None)
            if not found:
                self._watched.pop(key, None)

    @observe(SecurityEvents.REVOKED)
    async def revoke(self, event: RevokedEvent) -> None:
        """End the streams with one token, or all streams of a user."""
        token = event.token_id
        self._end(("user", event.identifier) if token is None else ("token", token))

    @observe(SecurityEvents.TOKENS_IN_USE)
    async def add_tokens(self, event: TokensInUseEvent) -> None:
        for found in self._watched.values():
            for watched in found:
                event.add(watched.token, watched.since)

    @observe(SessionEvents.ENDED)
    async def session_ended(self, event: SessionEndedEvent) -> None:
        """End the streams with a session."""
        self._end(("session", event.id))

    def _end(self, key: _Key) -> None:
        now = time.perf_counter()
        self._ended.pop(key, None)
        self._ended[key] = now
        while (first := next(iter(self._ended))) and self._ended[first] < now - _REMEMBERED:
            del self._ended[first]
        for watched in tuple(self._watched.get(key, ())):
            self._release(watched)
            watched.end()

    def _set_timer(self, watched: _Watched) -> None:
        expires = watched.token.expires
        if expires is not None:
            seconds = min(max(expires + self._leeway - time.time(), 0.0), _LONGEST_TIMER)
            loop = asyncio.get_running_loop()
            watched.timer = loop.call_later(seconds, self._due, watched)

    def _due(self, watched: _Watched) -> None:
        expires = watched.token.expires
        if expires is not None and expires + self._leeway <= time.time():
            self._release(watched)
            watched.end()
        else:
            self._set_timer(watched)

    @observe(ApplicationEvents.SHUTDOWN)
    async def shut_down(self, event: ShutdownEvent) -> None:
        """Cancel the timers."""
        for watched in [each for found in self._watched.values() for each in found]:
            self._release(watched)


def _keys(token: Token[Any]) -> Iterator[_Key]:
    if token.identifier is not None:
        yield "user", token.identifier
    if token.id is not None:
        yield "session" if token.credential == "session" else "token", token.id


def _nothing() -> None:
    return None
