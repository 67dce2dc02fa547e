"""The connections of this process, with the session that each one uses."""

import asyncio
from collections.abc import Callable, Collection, Iterable

from injector import inject

from bundles.sessions.credentials import Credentials
from bundles.sessions.model import EndedSession, StoredSession
from rxkernel import Connection


class SocketSession:
    """The session of one connection, from CONNECTED to its end: a service of `connection_scope`.

    Attributes:
        id: of the session that it uses; None if it uses no session.
        is_cookie: whether the client got the id as a cookie, which a socket cannot change.
        is_known: whether the store had a session with this id.
        choice: a new object for each call of `choose`; None before.
        user: of the session when it was last loaded; None before.
        lock: held while a message creates or rotates the session: one after the other, so that
            each finds the id of the one before.
        changing: held while a message starts, restores or finishes the session, until the
            listeners have returned.
    """

    @inject
    def __init__(
        self, connection: Connection, sockets: "Sockets", credentials: Credentials
    ) -> None:
        credential = credentials.of_connection(connection)
        self.connection = connection
        self.id: str | None = None
        self.is_cookie = credential.is_cookie
        self.is_known = False
        self.user: str | None = None
        self.choice: object = None
        self.lock = asyncio.Lock()
        self.changing = asyncio.Lock()
        self._sockets = sockets
        self._sockets.add(self)
        self._use(credential.id)

    def use(self, stored: StoredSession | None) -> Callable[[], None]:
        """Use the session *stored* from now on, whose secret the client has as a value; None: no
        session.

        Returns:
            Makes it use the earlier session again, unless another one was chosen meanwhile.
        """
        before = self.id, self.is_cookie, self.is_known, self.user
        id, user = (None, None) if stored is None else (stored.id, stored.user)

        def undo() -> None:
            if self.id == id:
                self._use(before[0])
                _, self.is_cookie, self.is_known, self.user = before

        self.is_cookie = self.is_cookie and id == self.id
        self.is_known, self.user = id is not None, user
        self._use(id)
        return undo

    def choose(self, stored: StoredSession | None) -> Callable[[], None]:
        """Use the session *stored*, as `use`, because a message requests it: messages that began
        without a session do not write into it."""
        undo_use, before, choice = self.use(stored), self.choice, object()
        self.choice = choice

        def undo() -> None:
            undo_use()
            if self.choice is choice:
                self.choice = before

        return undo

    def _use(self, id: str | None) -> None:
        self._sockets.move(self, id)
        self.id = id

    def close(self) -> None:
        """The connection has ended."""
        self._sockets.remove(self)


class Sockets:
    """The connections that have a session, by its id."""

    def __init__(self) -> None:
        self._all: dict[Connection, SocketSession] = {}
        self._by_id: dict[str, set[SocketSession]] = {}

    def find(self, connection: Connection) -> SocketSession | None:
        return self._all.get(connection)

    def add(self, socket: SocketSession) -> None:
        self._all[socket.connection] = socket

    def move(self, socket: SocketSession, id: str | None) -> None:
        """Note that *socket* uses the session *id* instead of its current one."""
        if socket.id is not None and (users := self._by_id.get(socket.id)) is not None:
            users.discard(socket)
            if not users:
                del self._by_id[socket.id]
        if id is not None:
            self._by_id.setdefault(id, set()).add(socket)

    def remove(self, socket: SocketSession) -> None:
        self.move(socket, None)
        self._all.pop(socket.connection, None)

    @property
    def ids(self) -> Collection[str]:
        """The ids of the sessions that connections use now, whether the store has them or not."""
        return tuple(self._by_id)

    def know(self, ids: Iterable[str]) -> None:
        """Note that the store has *ids*."""
        for id in ids:
            for socket in self._by_id.get(id, ()):
                socket.is_known = True

    def lost(self, ids: Iterable[str]) -> list[EndedSession]:
        """The sessions of *ids* that the store had once, and does not have now. Those that a
        message is rotating are left out."""
        found: list[EndedSession] = []
        for id in ids:
            known = [socket for socket in self._by_id.get(id, ()) if socket.is_known]
            if known and not any(socket.lock.locked() for socket in known):
                user = next((one.user for one in known if one.user is not None), None)
                found.append(EndedSession(id, user))
        return found

    async def disconnect(self, ids: Iterable[str], but: Connection | None = None) -> bool:
        """Close the connections that use one of *ids*, except *but*; return whether *but* does."""
        users = {user.connection for id in ids for user in self._by_id.get(id, ())}
        is_used = but in users
        await asyncio.gather(*(user.disconnect() for user in users if user is not but))
        return is_used
