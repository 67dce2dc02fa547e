"""The sessions of clients, and their logins."""

from collections.abc import Mapping
from functools import partial
from hashlib import blake2b
from typing import Any

import msgspec
from injector import inject

from bundles.autoload.security_defaults import NoUsers
from bundles.security import ANONYMOUS, Security, UserProvider
from bundles.sessions import Session, Sessions
from bundles.web.access.unreachable import NO_USERS_ADVICE
from rxkernel import Request, Response, RxKernelError, UserTokens, encode_json

ANONYMOUS_VALUES = "web.anonymous"
"""The name of a value of a session: the digests, by name, of the values that the client had before
it logged in. `ClientSessions.sign_out` compares them."""


class ClientSessions:
    """Implements ``client.session``, ``client.sign_in`` and ``client.sign_out``."""

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
        """Read the session of *request*, so that `session_of` need not wait. It is not needed for
        a request without cookies.

        Raises:
            ServiceUnavailableException: the store cannot be used.
        """
        if self._known(request) is None:
            await self._load(request)

    def session_of(self, request: Request) -> Session:
        """Return the session of *request*. It is created when the first value is stored.

        Raises:
            RxKernelError: the session was not read: await `prepare` before.
        """
        session = self._known(request)
        if session is None:
            raise RxKernelError("the session was not read; await ClientSessions.prepare(request)")
        return session

    async def sign_in(self, request: Request, user: Any) -> None:
        """Log *user* in, who was authenticated before.

        The client gets a new session id, see `Session.rotate`. Impress kept the id, so an attacker
        who had set the session id of a client could then use the session of the user (session
        fixation). The values stay, unless the session belongs to another user.

        Raises:
            ForbiddenException, UnprocessableEntityException: as `Security.login_session`.
            RxKernelError: the application has no users.
        """
        if not self._has_users:
            raise RxKernelError(f"this site has no users; {NO_USERS_ADVICE}")
        session = await self._load(request)
        digests = _digests(session) if session.user is None else None
        await self._security.login_session(user, request)
        if digests:
            session[ANONYMOUS_VALUES] = digests
        request.token = self._tokens.token_for(user)
        request.before_sending(partial(_use_session, request, session))

    async def sign_out(self, request: Request) -> bool:
        """Log the user of the session out; return False if the session has no user.

        The values that the client had before the login, and that have not changed since, stay in a
        session with a new id. All others are removed, even if their names are from before the
        login: the next user of the browser must not see them.

        Raises:
            ForbiddenException: the request comes from another site.
        """
        session = await self._load(request)
        digests: Mapping[str, str] = session.get(ANONYMOUS_VALUES, {})
        names = [
            name for name in digests if name in session and _digest(session[name]) == digests[name]
        ]
        if not await self._security.end_session(request, keep=names):
            return False
        request.token = ANONYMOUS
        return True


def _digests(session: Session) -> dict[str, str]:
    return {name: _digest(value) for name, value in session.items() if name != ANONYMOUS_VALUES}


def _digest(value: Any) -> str:
    return blake2b(encode_json(value), digest_size=16).hexdigest()


async def _use_session(request: Request, session: Session, response: Response) -> None:
    """Replace the token of *request*, whose user has logged in, by one of *session*, which is
    stored now: streams and WebSockets end with it."""
    token = request.token
    if token.credential == "login":
        request.token = msgspec.structs.replace(token, credential="session", id=session.id)
