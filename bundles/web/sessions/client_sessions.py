"""The session of a client: anonymous at first, then that of a user."""

from collections.abc import Sequence
from typing import Any

from injector import inject

from bundles.autoload.security_defaults import NoUsers
from bundles.security import ANONYMOUS, Security, UserProvider
from bundles.sessions import Session, Sessions
from bundles.web.access.unreachable import NO_USERS_ADVICE
from rxkernel import Request, RxKernelError, UserTokens

ANONYMOUS_NAMES = "web.anonymous"
"""The value of a session with the names of those that the client had before it logged in."""


class ClientSessions:
    """What ``client.session``, ``client.sign_in`` and ``client.sign_out`` do."""

    @inject
    def __init__(
        self,
        sessions: Sessions,
        security: Security,
        tokens: UserTokens,
        users: UserProvider,  # type: ignore[type-arg] # a key of the injector
    ) -> None:
        self._has_users = not isinstance(users, NoUsers)
        self._load = sessions.of
        self._known = sessions.known
        self._security = security
        self._tokens = tokens

    async def prepare(self, request: Request) -> None:
        """Read the session of *request*, so that `session_of` need not wait. Nothing is to be read
        for a request without cookies.

        Raises:
            ServiceUnavailableException: the store cannot be used.
        """
        if self._known(request) is None:
            await self._load(request)

    def session_of(self, request: Request) -> Session:
        """Return the session of *request*. It is created when the first value is stored.

        Raises:
            RxKernelError: it was not read: await `prepare` before.
        """
        session = self._known(request)
        if session is None:
            raise RxKernelError("the session was not read; await ClientSessions.prepare(request)")
        return session

    async def sign_in(self, request: Request, user: Any) -> None:
        """Log *user* in, who has proved to be that user.

        The client gets a new session id, see `Session.rotate`: Impress kept the id, so that who
        had given a client a session of his own could use that of the user (session fixation). The
        values stay, unless they are those of another user.

        Raises:
            ForbiddenException, UnprocessableEntityException: as `Security.login_session`.
            RxKernelError: the application has no users.
        """
        if not self._has_users:
            raise RxKernelError(f"this site has no users; {NO_USERS_ADVICE}")
        session = await self._load(request)
        names = [*session] if session.user is None else None
        await self._security.login_session(user, request)
        if names:
            session[ANONYMOUS_NAMES] = names
        request.token = self._tokens.token_for(user)

    async def sign_out(self, request: Request) -> bool:
        """Log the user of the session out; False if there is none.

        The values that the client had before the login stay, in a session with a new id. All
        others are removed: the next user of the browser must not see them.

        Raises:
            ForbiddenException: the request comes from another site.
        """
        session = await self._load(request)
        names: Sequence[str] = session.get(ANONYMOUS_NAMES, ())
        if not await self._security.end_session(request, keep=names):
            return False
        request.token = ANONYMOUS
        return True
