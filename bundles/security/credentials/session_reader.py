"""Sessions as credentials: a cookie, ``auth.session`` of a socket or a header of a procedure."""

from bundles.security.credentials.credentials import SESSION
from bundles.security.exceptions import BadCredentials
from bundles.sessions import Session, SessionEndedException, Sessions
from rxkernel import Connection, Request, Transport


class SessionReader:
    """Finds the session of a client.

    Args:
        sessions: None without the bundle sessions; then no session is found.
        cookie: the name of the cookie.
    """

    def __init__(self, sessions: Sessions | None, cookie: str) -> None:
        self._sessions = sessions
        self.cookie = cookie

    @property
    def is_enabled(self) -> bool:
        """Whether the application has sessions."""
        return self._sessions is not None

    async def of(self, request: Request) -> Session | None:
        """The stored session of the client of *request*. The store is not read for a request
        without the cookie, or the header of a procedure.

        Raises:
            BadCredentials: the session of its connection has ended.
            ServiceUnavailableException: the store cannot be used.
        """
        if self._sessions is None:
            return None
        if request.connection is None and not self.is_sent(request):
            return None
        try:
            session = await self._sessions.of(request)
        except SessionEndedException:
            raise BadCredentials("the session has ended") from None
        return None if session.is_new else session

    async def after_change(self, request: Request) -> Session | None:
        """The stored session that *request* has now, after its action has changed it; the session
        of its connection, if it has one.

        Raises:
            BadCredentials: it has ended meanwhile.
            ServiceUnavailableException: the store cannot be used.
        """
        assert self._sessions is not None
        session = await self._sessions.of(request)
        if session.is_new:
            return None
        if request.connection is None:
            return session
        current = await self.of_connection(request.connection)
        if current is None:
            raise BadCredentials("the session has ended")
        return current

    def is_sent(self, request: Request) -> bool:
        """Whether *request*, which has no connection, has a secret of a session, valid or not."""
        return self.is_enabled and (self.cookie in request.cookies or self.is_in_header(request))

    @staticmethod
    def is_in_header(request: Request) -> bool:
        """Whether the session of *request*, which has no connection, comes from a header and not
        from a cookie: pages of other sites cannot send it."""
        return request.transport is not Transport.HTTP and SESSION in request.headers

    async def of_connection(self, connection: Connection) -> Session | None:
        """The stored session of *connection*, which connects.

        Raises:
            BadRequestException: ``auth.session`` is not a text.
            ServiceUnavailableException: the store cannot be used.
        """
        if self._sessions is None:
            return None
        session = await self._sessions.of_connection(connection)
        return None if session.is_new else session
