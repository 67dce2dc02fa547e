"""Logins that are kept in a session, where the bundle ``sessions`` is enabled."""

from collections.abc import Collection

from bundles.security.credentials.cross_site import CrossSiteGuard
from bundles.sessions import Session, Sessions
from rxkernel import Request, UnprocessableEntityException


class SessionLogins:
    """Begins and ends logins in sessions.

    Args:
        sessions: None without the bundle sessions.
    """

    def __init__(self, sessions: Sessions | None, guard: CrossSiteGuard) -> None:
        self._sessions = sessions
        self._guard = guard

    def check(self, request: Request) -> Sessions:
        """Return the sessions, if a login of *request* can be stored in one.

        Raises:
            ForbiddenException: the request comes from another site, which would log its visitors
                in as a user of its choice.
            UnprocessableEntityException: sessions are not enabled.
        """
        if self._sessions is None:
            raise UnprocessableEntityException("sessions are not enabled", code="no_sessions")
        self._guard.check(request)
        return self._sessions

    async def begin(self, request: Request, identifier: str) -> Session:
        """Set the user with *identifier* as the user of the session, which gets a new id. The
        values of another user are removed; those of an anonymous client stay.

        Raises:
            ForbiddenException, UnprocessableEntityException: as `check`.
        """
        session = await self.check(request).of(request)
        if session.user not in (None, identifier):
            session.clear()
        await session.rotate(user=identifier)
        return session

    async def end(self, request: Request, keep: Collection[str] = ()) -> str | None:
        """End the session of the client, if it has a user; return the identifier of the user.
        Values with a name in *keep* stay, in an anonymous session.

        Raises:
            ForbiddenException: the request comes from another site.
        """
        if self._sessions is None:
            return None
        session = await self._sessions.of(request)
        identifier = session.user
        if identifier is not None:
            self._guard.check(request)
            kept = {name: session[name] for name in keep if name in session}
            await session.destroy()
            session.update(kept)
        return identifier

    async def end_all(self, identifier: str) -> None:
        """End all sessions of a user."""
        if self._sessions is not None:
            await self._sessions.end_all(identifier)
