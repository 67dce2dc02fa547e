"""The sessions of an application: loaded for messages, stored at their end."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from secrets import token_hex
from typing import Any, TypeGuard

import attrs
from injector import ProviderOf, inject

from bundles.clock import Clock
from bundles.sessions.addresses import address_of
from bundles.sessions.concurrency import run_all
from bundles.sessions.credentials import Credentials, id_of, new_secret
from bundles.sessions.events import (
    SessionChangedEvent,
    SessionEnd,
    SessionEndedEvent,
    SessionEvents,
)
from bundles.sessions.exceptions import SessionEndedException
from bundles.sessions.model import Changes, EndedSession, Rotation, StoredSession
from bundles.sessions.own_connection import runs_after_response
from bundles.sessions.session import Session
from bundles.sessions.settings import SessionsSettings
from bundles.sessions.sockets import Sockets, SocketSession
from bundles.sessions.store import SessionStore
from rxkernel import (
    AsyncEventDispatcher,
    ConflictException,
    Connection,
    Peers,
    Request,
    Response,
    RxKernelError,
    current_request,
    network_of,
)

_ATTRIBUTE = "bundles.sessions"
_ENDED = "sessions.ended"
_TOUCHES = 10
"""The use of a session is stored at most so many times in ``idle_timeout``."""


class Sessions:
    """For listeners and services; an action takes its session as `CurrentSession`."""

    @inject
    def __init__(
        self,
        store: SessionStore,
        settings: SessionsSettings,
        credentials: Credentials,
        sockets: Sockets,
        clock: Clock,
        dispatcher: AsyncEventDispatcher,
        current_request: ProviderOf[Request],
        peers: Peers,
    ) -> None:
        self.max_size = settings.max_size
        self._store = store
        self._load = store.load
        self._touch_after = settings.idle_timeout / _TOUCHES
        self._credentials = credentials
        self._sockets = sockets
        self._now = clock.now
        self._dispatcher = dispatcher
        self._current_request = current_request
        self._watched: Counter[str] = Counter()
        self._peers = peers
        peers.listen(_ENDED, self._ended_elsewhere, in_order=False)
        peers.when_missed(self._look_for_ends)

    async def of(self, request: Request) -> Session:
        """The session of the client of *request*: the same object in the whole message.

        It can be changed if *request* has a route, until its response is sent.

        Raises:
            SessionEndedException: the session of the connection has ended: 401. The connection is
                closed.
            ServiceUnavailableException: the store cannot be used: 503.
        """
        attributes = request.attributes
        session: Session
        if _ATTRIBUTE in attributes:
            session = attributes[_ATTRIBUTE]
            return session
        if request.services is not None:
            message = current_request.get()
            if message is not request and _contains(message, request):
                session = attributes[_ATTRIBUTE] = await self.of(message)
                return session
        now, choice = self._now(), None
        if request.connection is not None:
            socket = self._sockets.find(request.connection)
            choice = None if socket is None else socket.choice
            stored = await self._load_for(request.connection)
            socket = self._sockets.find(request.connection)
            if stored is None and socket is not None and socket.is_known:
                request.after_sending(request.connection.disconnect)
                raise SessionEndedException
        else:
            id = self._credentials.of_request(request)
            stored = None if id is None else await self._load(id, now)
        if request.definition is None:  # nothing would store its changes
            return self._read_only(stored)
        if _ATTRIBUTE in attributes:  # another task of the message was faster
            return await self.of(request)
        session = attributes[_ATTRIBUTE] = Session(self, stored)
        if choice is not None:
            session.choice = choice
        if stored is not None and (
            stored.has_containers or now - stored.used >= self._touch_after
        ):
            session.save_later(request)
        return session

    def known(self, request: Request) -> Session | None:
        """The session of the client of *request*, which has a route, if the store need not be read
        for it: it was read before, or the client has sent no credential. Else None: await `of`."""
        session: Session | None = request.attributes.get(_ATTRIBUTE)
        if session is not None or request.connection is not None or self._is_inner(request):
            return session
        if self._credentials.of_request(request) is None:
            session = request.attributes[_ATTRIBUTE] = Session(self, None)
        return session

    def sent_id(self, request: Request) -> str | None:
        """The id of the session whose secret the client of *request* has sent, whether it exists
        or not; None if it has sent no secret. The store is not read."""
        message = current_request.get()
        if request.services is None or not _contains(message, request):
            message = request
        connection = message.connection
        if connection is None:
            return self._credentials.of_request(message)
        socket = self._sockets.find(connection)
        return self._credentials.of_connection(connection).id if socket is None else socket.id

    @staticmethod
    def _is_inner(request: Request) -> bool:
        message = current_request.get()
        return (
            request.services is not None and message is not request and _contains(message, request)
        )

    async def of_connection(self, connection: Connection) -> Session:
        """The session that *connection* uses now, read-only; a new one if it has no session.

        Raises:
            BadRequestException: ``auth.session`` is not a text.
            ServiceUnavailableException: the store cannot be used: 503.
        """
        return self._read_only(await self._load_for(connection))

    async def end_all(self, user: str) -> int:
        """End all sessions of *user*, close the connections that use them, and return their
        number. The connection of the current message is closed after its response."""
        ended = await self._store.end_all(user)
        await self.report(ended, SessionEnd.USER, current_request.get())
        return len(ended)

    async def remove_expired(self) -> int:
        """Remove expired sessions, close the connections that use them, and return their number.
        It is called regularly.

        Also closes the connections whose session the store has removed itself, or another process
        has ended, and counts these sessions."""
        now = self._now()
        ended = list(await self._store.remove_expired(now))
        reported = {one.id for one in ended}
        try:
            await self.report(ended, SessionEnd.EXPIRED)
        finally:
            lost = await self._lost(now, reported)
            await self.report(lost, SessionEnd.EXPIRED)
        return len(ended) + len(lost)

    async def _look_for_ends(self) -> None:
        await self.report(await self._lost(self._now(), ()), SessionEnd.EXPIRED)

    async def _lost(self, now: float, reported: Collection[str]) -> Sequence[EndedSession]:
        ids = [id for id in {*self._sockets.ids, *self._watched} if id not in reported]
        if not ids:
            return ()
        existing = set(await self._store.existing(ids, now))
        self._sockets.know(existing)
        missing = [id for id in ids if id not in existing]
        lost = {one.id: one for one in self._sockets.lost(missing)}
        return [
            lost.get(id) or EndedSession(id, None)
            for id in missing
            if id in lost or id in self._watched
        ]

    def watch(self, id: str) -> Callable[[], None]:
        """Report the end of the session *id* with `SessionEvents.ENDED`, even if another process
        ends it, as for the sockets of this process. For streams, which are not connections.

        Returns:
            ends the watch; to be called once.
        """
        self._watched[id] += 1

        def release() -> None:
            self._watched[id] -= 1
            if not self._watched[id]:
                del self._watched[id]

        return release

    def _read_only(self, stored: StoredSession | None) -> Session:
        session = Session(self, stored)
        session.is_read_only = True
        return session

    async def _load_for(self, connection: Connection) -> StoredSession | None:
        socket = self._sockets.find(connection)
        id = self._credentials.of_connection(connection).id if socket is None else socket.id
        if id is None:
            return None
        stored = await self._store.load(id, self._now())
        if socket is None:
            return stored
        if stored is None and socket.is_known:
            async with socket.lock:  # another message may rotate it now
                if socket.id is not None and socket.id != id:
                    stored = await self._store.load(socket.id, self._now())
        if stored is not None:
            socket.is_known, socket.user = True, stored.user
        return stored

    # --- for `Session`

    async def end_session(self, session: Session, request: Request | None) -> None:
        """See `SessionKeeper.end_session`."""
        if session.stored is None:
            return
        ended = await self._store.end(session.stored.key)
        if ended is not None:
            await self.report([ended], SessionEnd.DESTROYED, request)

    def message_of(self, session: Session) -> Request:
        """See `SessionKeeper.message_of`."""
        request = self._current_request.get()
        if request.attributes.get(_ATTRIBUTE) is not session:
            raise RxKernelError(
                "the session belongs to another message, and cannot be changed here"
            )
        return request

    def check_rotation(self, request: Request) -> None:
        """See `SessionKeeper.check_rotation`."""
        if request.connection is None:
            return
        socket = self._sockets.find(request.connection)
        if socket is not None and socket.id is not None and socket.is_cookie:
            raise ConflictException(
                "a socket cannot change the cookie of its session; send this over HTTP",
                code="session_cookie",
            )

    # --- the end of a message

    async def save(self, session: Session, request: Request, response: Response) -> None:
        """See `SessionKeeper.save`."""
        changes = session.changes()
        is_created = session.stored is None and bool(changes)
        if not is_created and not session.rotation:
            if session.stored is not None:
                await self._update(session.stored, changes)
            elif session.is_destroyed:
                self._credentials.withdraw(request, response)
            if session.secret is not None:
                self._credentials.send(request, response, session.secret)
        elif request.connection is None:
            await self._create_or_rotate(session, changes, request, response)
        else:
            socket = await request.get(SocketSession)
            async with socket.lock:
                await self._follow(session, socket)
                before = socket.id
                await self._create_or_rotate(session, changes, request, response)
                is_other = socket.id != before
            if is_other:
                await self.changed(request, is_refusable=False)
        session.close()

    async def _update(self, stored: StoredSession, changes: Changes) -> None:
        now = self._now()
        if not changes and now - stored.used < self._touch_after:
            return
        if not await self._store.update(stored.key, changes, now) and changes:
            raise SessionEndedException

    async def _follow(self, session: Session, socket: SocketSession) -> None:
        """Make *session* the one that *socket* has now: another message of the socket may have
        created or rotated it since this one began.

        Raises:
            SessionEndedException: it has ended already, or the client has chosen another one with
                `SessionSecrets`.
            ConflictException: another message has logged in another user than this one.
        """
        before = session.stored
        if socket.id is None or (before is not None and before.id == socket.id):
            return
        found = await self._store.load(socket.id, self._now())
        if found is not None:
            is_chosen = before is None and session.choice is not socket.choice
            if is_chosen or (before is not None and before.key != found.key):
                raise SessionEndedException
            was = None if before is None else before.user
            if session.new_user is not None and found.user not in (was, session.new_user):
                raise ConflictException("another user has logged in meanwhile")
            session.stored = found
        elif before is None and socket.is_known and not session.is_destroyed:
            raise SessionEndedException

    async def _create_or_rotate(
        self, session: Session, changes: Changes, request: Request, response: Response
    ) -> None:
        if session.stored is None:
            await self._create(session, request, response)
        elif session.rotation:
            await self._rotate(session, session.stored, changes, request, response)
        else:
            await self._update(session.stored, changes)

    async def _create(self, session: Session, request: Request, response: Response) -> None:
        stored, secret, ended = await self.create(session.all_values(), session.user, request)
        await self._send(session, stored, request, response, secret)
        await self.report(ended, SessionEnd.LIMIT, request)

    async def _rotate(
        self,
        session: Session,
        stored: StoredSession,
        changes: Changes,
        request: Request,
        response: Response,
    ) -> None:
        secret, now = new_secret(), self._now()
        rotation = Rotation(stored.id, _checked_id(secret), session.user)
        result = await self._store.rotate(stored.key, rotation, changes, now)
        if result is True:  # another message has rotated it: this client gets one of its own
            await self._create(session, request, response)
        elif result is False:
            raise SessionEndedException
        else:
            new = attrs.evolve(stored, id=rotation.new, user=rotation.user)
            await self._send(session, new, request, response, secret)
            old = EndedSession(rotation.old, stored.user)
            await self.report([old], SessionEnd.ROTATED, request)
            await self.report(result, SessionEnd.LIMIT, request)

    async def _send(
        self,
        session: Session,
        stored: StoredSession,
        request: Request,
        response: Response,
        secret: str,
    ) -> None:
        session.stored = stored
        self._credentials.send(request, response, secret)
        if request.connection is not None:
            (await request.get(SocketSession)).use(stored)

    # --- for `SessionSecrets` too

    async def create(
        self, values: Mapping[str, bytes], user: str | None, request: Request
    ) -> tuple[StoredSession, str, Sequence[EndedSession]]:
        """Store a new session for the client of *request*.

        Returns:
            It, its secret, and the sessions that ended because the user has too many.
        """
        secret, now = new_secret(), self._now()
        stored = StoredSession(
            key=token_hex(16),
            id=_checked_id(secret),
            values=values,
            user=user,
            address=network_of(address_of(request)),
            created=now,
            used=now,
        )
        return stored, secret, await self._store.create(stored)

    async def changed(self, request: Request, *, is_refusable: bool) -> None:
        """Dispatch `SessionEvents.CHANGED`."""
        event = SessionChangedEvent(request, is_refusable)
        await self._dispatcher.dispatch(SessionEvents.CHANGED, event)

    async def report(
        self, ended: Sequence[EndedSession], reason: SessionEnd, request: Request | None = None
    ) -> None:
        """Dispatch `SessionEvents.ENDED`, then close the connections of *ended*; the connection of
        *request* after its response. Other processes do the same, except for expired sessions,
        which each process finds itself."""
        if not ended:
            return
        if reason is not SessionEnd.EXPIRED:
            self._peers.send(_ENDED, [reason, [(one.id, one.user) for one in ended]])
        await self._report(ended, reason, request)

    async def _ended_elsewhere(self, data: Any) -> None:
        reason, ended = data
        await self._report([EndedSession(*one) for one in ended], SessionEnd(reason), None)

    async def _report(
        self, ended: Sequence[EndedSession], reason: SessionEnd, request: Request | None
    ) -> None:
        own = None if request is None else request.connection
        try:
            events = [SessionEndedEvent(one.id, one.user, reason) for one in ended]
            dispatch = partial(self._dispatcher.dispatch, SessionEvents.ENDED)
            await run_all(partial(dispatch, event) for event in events)
        finally:
            if await self._sockets.disconnect([one.id for one in ended], but=own):
                assert request is not None
                assert own is not None
                if not runs_after_response(request, own.disconnect):
                    await own.disconnect()


def _contains(message: Request | None, request: Request) -> TypeGuard[Request]:
    """Whether *request* is for an action that code calls within *message*: `Request.inner`."""
    return message is not None and message.services is request.services


def _checked_id(secret: str) -> str:
    id = id_of(secret)
    assert id is not None, "it has the form of a secret"
    return id
