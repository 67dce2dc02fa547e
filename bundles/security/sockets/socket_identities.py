"""The identities of sockets: each one ends with its credential.

A message over a socket is authenticated with the credential of the socket, as a request is with
its header, so both end for the same reasons. In addition a timer, and the events of revocation,
end the identity of a socket that sends nothing.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from functools import partial
from types import TracebackType
from typing import Any, Self
from weakref import WeakKeyDictionary, ref

import attrs
from injector import inject

from bundles.security.credentials.authentication import Verify
from bundles.security.events import (
    RevokedEvent,
    SecurityEvents,
    SocketExpiredEvent,
    TokensInUseEvent,
)
from bundles.security.exceptions import BadCredentials, Unauthenticated
from bundles.security.rules.namespace_rules import NamespaceRules
from bundles.security.settings import SecuritySettings
from bundles.security.sockets.user_rooms import follow_identity
from bundles.security.token import ANONYMOUS, Token
from bundles.sessions import SessionEnd, SessionEndedEvent, SessionEvents
from bundles.sessions.concurrency import run_all
from bundles.sessions.own_connection import runs_after_response
from rxkernel import (
    ApplicationEvents,
    AsyncEventDispatcher,
    Connection,
    ForbiddenException,
    Request,
    ShutdownEvent,
    current_request,
    observe,
)

logger = logging.getLogger(__name__)

EXPIRED = "security_expired"
"""The event that a socket is sent when its identity has ended."""

_LONGEST_TIMER = 86_400.0
"""Seconds, since event loops limit their timers; then the timer is set again."""


@attrs.define(eq=False)
class SocketIdentity:
    """The identity of one socket, which was valid at *since*, in seconds since 1970."""

    connection: "ref[Connection]"
    token: Token[Any]
    verify: Verify = attrs.field(repr=False)
    since: float
    timer: asyncio.TimerHandle | None = None


class SocketIdentities:
    """The identities of the sockets of this process.

    Attributes:
        revocations: how many revocations and ends of sessions this process has seen, or may have
            missed.
    """

    @inject
    def __init__(
        self, settings: SecuritySettings, rules: NamespaceRules, dispatcher: AsyncEventDispatcher
    ) -> None:
        self._disconnects = settings.disconnect_expired
        self._leeway = settings.tokens.leeway
        self._rules = rules
        self._has_rules = bool(rules.by_namespace)
        self._dispatcher = dispatcher
        self._found: WeakKeyDictionary[Connection, SocketIdentity] = WeakKeyDictionary()
        self._index: dict[tuple[str, str], set[SocketIdentity]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self.revocations = 0

    async def attach(
        self, request: Request, token: Token[Any], verify: Verify, revocations: int
    ) -> None:
        """Make *token* the identity of the connection of *request*, in place of an earlier one.

        *revocations* is the attribute of that name, read before the credential was verified. If it
        has changed since then, the credential is verified again: the revocation could not find
        this socket.

        Raises:
            BadCredentials: the credential was revoked meanwhile; the connection is as it was.
        """
        connection, since = request.connection, time.time()
        assert connection is not None
        await request.get(SocketScope)
        while revocations != self.revocations:
            revocations = self.revocations
            token = await verify(request)
        self.forget(connection)
        connection.token = token
        identity = SocketIdentity(ref(connection), token, verify, since)
        self._found[connection] = identity
        self._add_to_index(identity)
        self._set_timer(identity)
        await follow_identity(connection)

    async def detach(self, connection: Connection) -> SocketIdentity | None:
        """Make *connection* anonymous, remove it from the room of its user, and return the
        identity that it had."""
        identity = self.forget(connection)
        await follow_identity(connection)
        return identity

    def forget(self, connection: Connection) -> SocketIdentity | None:
        """As `detach`, without leaving the room: for a connection that has ended."""
        identity = self._found.pop(connection, None)
        connection.token = ANONYMOUS
        if identity is not None:
            self._release(identity)
        return identity

    def _release(self, identity: SocketIdentity) -> None:
        if identity.timer is not None:
            identity.timer.cancel()
            identity.timer = None
        self._unindex(identity)

    def _add_to_index(self, identity: SocketIdentity) -> None:
        for key in _keys(identity.token):
            self._index.setdefault(key, set()).add(identity)

    def _unindex(self, identity: SocketIdentity) -> None:
        for key in _keys(identity.token):
            found = self._index.get(key, set())
            found.discard(identity)
            if not found:
                self._index.pop(key, None)

    async def token_of(self, connection: Connection, request: Request) -> Token[Any]:
        """The token for *request*, a message of *connection*.

        Raises:
            BadCredentials: the credential of the socket is no longer valid; its identity ends.
            Unauthenticated, ForbiddenException: the rule of the namespace no longer allows the
                client; its identity ends too.
        """
        identity = self._found.get(connection)
        if identity is not None:
            token = await self._verified(connection, identity, request)
        else:
            token = ANONYMOUS if connection.token is None else connection.token
        if self._has_rules:
            request.token = token
            try:
                await self._rules.check(connection, token, request)
            except (Unauthenticated, ForbiddenException):
                await self._end_after(request, connection, identity)
                raise
        return token

    async def _verified(
        self, connection: Connection, identity: SocketIdentity, request: Request
    ) -> Token[Any]:
        try:
            token = await identity.verify(request)
        except BadCredentials:
            await self._end_after(request, connection, identity)
            raise
        if connection.token is identity.token:
            before = identity.token
            if token.id == before.id and token.identifier == before.identifier:
                connection.token = identity.token = token
            else:  # its session has another id, or another user
                self._unindex(identity)
                connection.token = identity.token = token
                self._add_to_index(identity)
                await follow_identity(connection)
        return token

    async def _end_after(
        self, request: Request, connection: Connection, identity: SocketIdentity | None
    ) -> None:
        """End *identity*, if *connection* still has it; its client is informed after the response
        to *request*."""
        if identity is not None and self._found.get(connection) is identity:
            await self.detach(connection)
            reason = "expired" if self._is_over(identity) else "revoked"
            request.after_sending(partial(self._end, connection, identity, reason))

    # --- the end of an identity

    def _start(self, end: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(end)
        self._ending.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._ending.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            logger.error(
                "ending the identity of a socket failed: a listener of %s raised, or its client "
                "was not informed",
                SecurityEvents.SOCKET_EXPIRED,
                exc_info=failure,
            )

    async def _end(self, connection: Connection, identity: SocketIdentity, reason: str) -> None:
        try:
            await self._inform(connection, identity, reason)
        finally:
            if self._disconnects or self._rules.is_guarded(connection):
                await connection.disconnect()

    async def _inform(self, connection: Connection, identity: SocketIdentity, reason: str) -> None:
        try:
            event = SocketExpiredEvent(connection, identity.token, reason)
            await self._dispatcher.dispatch(SecurityEvents.SOCKET_EXPIRED, event)
        finally:
            await connection.emit(EXPIRED, {"reason": reason})

    @observe(SecurityEvents.REVOKED)
    async def revoke(self, event: RevokedEvent) -> None:
        """End the identities of a user, or those with one token. The sockets are disconnected when
        this returns; the socket of the current message after its response."""
        self.revocations += 1
        ending: list[asyncio.Task[None]] = []
        for identity in tuple(self._index.get(("user", event.identifier), ())):
            if event.token_id is None or event.token_id == identity.token.id:
                connection, request = identity.connection(), event.request
                if connection is None:
                    self._release(identity)
                    continue
                await self.detach(connection)
                end = partial(self._end, connection, identity, "revoked")
                if (
                    request is None
                    or request.connection is not connection
                    or not runs_after_response(request, end)
                ):
                    ending.append(self._start(end()))
        if ending:
            await asyncio.wait(ending)

    @observe(SecurityEvents.TOKENS_IN_USE)
    async def add_tokens(self, event: TokensInUseEvent) -> None:
        self.revocations += 1
        for found in self._index.values():
            for identity in found:
                event.add(identity.token, identity.since)

    @observe(SessionEvents.ENDED)
    async def session_ended(self, event: SessionEndedEvent) -> None:
        """End the identities with a session, whose connections are about to be closed: first all
        identities, then inform the clients. The socket whose message rotates the session keeps its
        identity."""
        self.revocations += 1
        request = current_request.get()
        is_rotated = event.reason is SessionEnd.ROTATED
        rotating = request.connection if request is not None and is_rotated else None
        reason = "expired" if event.reason is SessionEnd.EXPIRED else "revoked"
        ended: list[Callable[[], Awaitable[None]]] = []
        for identity in tuple(self._index.get(("session", event.id), ())):
            connection = identity.connection()
            if connection is None:
                self._release(identity)
                continue
            if connection is rotating:
                continue
            await self.detach(connection)
            ended.append(partial(self._inform, connection, identity, reason))
        await run_all(ended)

    # --- time

    def _set_timer(self, identity: SocketIdentity) -> None:
        if (expires := identity.token.expires) is None:
            return
        seconds = min(max(expires + self._leeway - time.time(), 0.0), _LONGEST_TIMER)
        identity.timer = asyncio.get_running_loop().call_later(seconds, self._due, identity)

    def _due(self, identity: SocketIdentity) -> None:
        connection = identity.connection()
        if connection is None:
            self._release(identity)
        elif self._is_over(identity):
            self._start(self._expire(connection, identity))
        else:
            self._set_timer(identity)

    async def _expire(self, connection: Connection, identity: SocketIdentity) -> None:
        if self._found.get(connection) is identity:
            await self.detach(connection)
            await self._end(connection, identity, "expired")

    def _is_over(self, identity: SocketIdentity) -> bool:
        """Whether its token has expired, including the leeway, as over HTTP."""
        expires = identity.token.expires
        return expires is not None and expires + self._leeway <= time.time()

    @observe(ApplicationEvents.SHUTDOWN)
    async def shut_down(self, event: ShutdownEvent) -> None:
        """Cancel the timers, and wait for the clients that are being informed."""
        for identity in [i for found in self._index.values() for i in found]:
            self._release(identity)
        if self._ending:
            await asyncio.wait(tuple(self._ending))


class SocketScope:
    """A service of `connection_scope`: forgets the identity when the connection has ended, or was
    refused by another listener.

    Attributes:
        changing: held by the event that changes the identity; the next one waits.
    """

    @inject
    def __init__(self, sockets: SocketIdentities, connection: Connection) -> None:
        self._sockets = sockets
        self._connection = connection
        self.changing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._sockets.forget(self._connection)


def _keys(token: Token[Any]) -> Iterator[tuple[str, str]]:
    """The keys of the index for *token*."""
    if token.identifier is not None:
        yield "user", token.identifier
    if token.credential == "session" and token.id is not None:
        yield "session", token.id
