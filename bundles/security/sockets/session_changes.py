"""Updates the identity of a client when a message changes its session."""

from injector import inject

from bundles.security.credentials.authentication import Authentication
from bundles.security.credentials.cross_site import CrossSiteGuard
from bundles.security.sockets.socket_logins import SocketLogins
from bundles.security.token import ANONYMOUS
from bundles.sessions import SessionChangedEvent, SessionEvents
from rxkernel import Request, observe


class SessionChanges:
    @inject
    def __init__(
        self, authentication: Authentication, logins: SocketLogins, guard: CrossSiteGuard
    ) -> None:
        self._authentication = authentication
        self._logins = logins
        self._guard = guard

    @observe(SessionEvents.CHANGED)
    async def follow(self, event: SessionChangedEvent) -> None:
        """Set the identity of the message, and of its connection, to that of the session.

        Raises:
            BadCredentials: the user of the session does not exist or is disabled.
            ForbiddenException: the request comes from another site, which could make its visitors
                use a session of its choice; or the rule of the namespace refuses the user.
            ConflictException: the socket belongs to another user.
        """
        request, connection = event.request, event.request.connection
        if connection is not None:
            await self._logins.follow_session(request, connection, is_refusable=event.is_refusable)
            return
        if event.is_refusable:
            self._guard.check(request)
        await self._follow(request)

    async def _follow(self, request: Request) -> None:
        token = request.token
        if token is not None and token.is_authenticated and token.credential != "session":
            return
        found = await self._authentication.of_changed_session(request)
        request.token = ANONYMOUS if found is None else found[0]
