"""Sessions of clients that receive their secret as a value, and send it in a message."""

from asyncio import Lock
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from types import MappingProxyType
from typing import Any

from injector import inject

from bundles.clock import Clock
from bundles.sessions.credentials import id_of
from bundles.sessions.events import SessionEnd
from bundles.sessions.model import StoredSession
from bundles.sessions.session import Session
from bundles.sessions.sessions import Sessions
from bundles.sessions.sockets import SocketSession
from bundles.sessions.store import SessionStore
from rxkernel import Request, UnauthorizedException

_NO_VALUES: Mapping[str, Any] = MappingProxyType({})


class SessionSecrets:
    """Changes the session of the client of a message at once, even if the message fails later.

    Over a connection the change applies to this connection; over HTTP the response sets the
    cookie. Values that the message has written to its session before are discarded; values that it
    writes afterwards belong to the new session.
    """

    @inject
    def __init__(self, sessions: Sessions, store: SessionStore, clock: Clock) -> None:
        self._sessions = sessions
        self._store = store
        self._now = clock.now

    async def start(self, request: Request, values: Mapping[str, Any] = _NO_VALUES) -> str:
        """Start a session with *values*, and return its secret.

        Its user is the one that this message has set with `Session.rotate`. The previous session
        of the client ends. If it is in a cookie and *request* came over a connection, which cannot
        change the cookie, it stays.

        Raises:
            TypeError, ValueError: *values* are not JSON.
            SessionTooLargeException: *values* are too large: 413.
            TooManySessionsException: 429.
            RxKernelError: *request* has no route, or its response is sent.
        """
        async with self._turn(request) as (session, message, socket):
            encoded, user = session.encode(values), session.new_user
            async with _held(None if socket is None else socket.lock):
                before = await self._current(session, socket)
                stored, secret, ended = await self._sessions.create(encoded, user, message)
                is_kept = socket is not None and socket.id is not None and socket.is_cookie
                undo = _choose(session, socket, stored, secret)
            try:
                await self._sessions.changed(message, is_refusable=True)
            except BaseException:
                undo(before)
                await self._store.end(stored.key)
                raise
            finally:
                await self._sessions.report(ended, SessionEnd.LIMIT, message)
            if before is not None and not is_kept:
                await self._end(before, message)
            return secret

    async def restore(self, request: Request, secret: object) -> bool:
        """Use the session with *secret* for the client of *request*, which has sent it.

        The previous session of the client stays valid.

        Returns:
            False if *secret* does not belong to a session, or the user of that session cannot be
            authenticated: nothing is changed.

        Raises:
            RxKernelError: *request* has no route, or its response is sent.
        """
        async with self._turn(request) as (session, message, socket):
            id = id_of(secret) if isinstance(secret, str) else None
            if id is None:
                return False
            assert isinstance(secret, str)
            async with _held(None if socket is None else socket.lock):
                before = await self._current(session, socket)
                stored = await self._store.load(id, self._now())
                if stored is None:
                    return False
                undo = _choose(session, socket, stored, secret)
            try:
                await self._sessions.changed(message, is_refusable=True)
            except UnauthorizedException:
                undo(before)
                return False
            except BaseException:
                undo(before)
                raise
            return True

    async def end(self, request: Request) -> None:
        """End the session of the client of *request*, and close the other connections that use it.

        The connection of *request* stays open, without a session.

        Raises:
            RxKernelError: *request* has no route, or its response is sent.
        """
        async with self._turn(request) as (session, message, socket):
            async with _held(None if socket is None else socket.lock):
                before = await self._current(session, socket)
                ended = None if before is None else await self._store.end(before.key)
                ids = {one.id for one in (before, ended) if one is not None}
                if socket is not None and socket.id in ids:
                    socket.choose(None)
                _become(session, socket, None)
                session.is_destroyed = before is not None
            try:
                await self._sessions.changed(message, is_refusable=False)
            finally:
                if ended is not None:
                    await self._sessions.report([ended], SessionEnd.DESTROYED, message)

    @asynccontextmanager
    async def _turn(
        self, request: Request
    ) -> AsyncIterator[tuple[Session, Request, SocketSession | None]]:
        """The session of *request*, its message and its socket, whose session no other message
        changes meanwhile."""
        session = await self._sessions.of(request)
        message, socket = session.message(), None
        if message.connection is not None:
            socket = await message.get(SocketSession)
        async with _held(None if socket is None else socket.changing):
            yield session, message, socket

    async def _current(
        self, session: Session, socket: SocketSession | None
    ) -> StoredSession | None:
        """Return the session that the client has now. On a connection it may be another one than
        when the message with *session* began."""
        if socket is None or socket.id == session.id:
            return session.stored
        return None if socket.id is None else await self._store.load(socket.id, self._now())

    async def _end(self, stored: StoredSession, request: Request) -> None:
        ended = await self._store.end(stored.key)
        if ended is not None:
            await self._sessions.report([ended], SessionEnd.DESTROYED, request)


def _held(lock: Lock | None) -> AbstractAsyncContextManager[None]:
    return nullcontext() if lock is None else lock


def _choose(
    session: Session, socket: SocketSession | None, stored: StoredSession, secret: str
) -> Callable[[StoredSession | None], None]:
    """Make *session* and its connection use *stored*.

    Returns:
        Makes them use the earlier session again.
    """
    undo = None if socket is None else socket.choose(stored)
    _become(session, socket, stored, secret)

    def use_again(before: StoredSession | None) -> None:
        if undo is not None:
            undo()
        _become(session, socket, before)

    return use_again


def _become(
    session: Session,
    socket: SocketSession | None,
    stored: StoredSession | None,
    secret: str | None = None,
) -> None:
    session.become(stored, secret)
    session.choice = None if socket is None else socket.choice
