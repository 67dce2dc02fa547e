"""Logins: verifies passwords, starts, refreshes and ends logins."""

import time
from collections.abc import Collection
from typing import Any

import attrs
from injector import inject

from bundles.security.credentials.session_logins import SessionLogins
from bundles.security.credentials.verifiers import PasswordVerifier
from bundles.security.events import (
    AuthenticationEvent,
    AuthenticationFailureEvent,
    LoginEvent,
    LogoutEvent,
    RefreshEvent,
    SecurityEvents,
)
from bundles.security.exceptions import BadCredentials
from bundles.security.logins.passwords import Passwords
from bundles.security.logins.throttling import Attempt, Throttling
from bundles.security.sockets.socket_logins import SocketLogins
from bundles.security.token import Token
from bundles.security.tokens.access_tokens import AccessTokens
from bundles.security.tokens.refresh_tokens import RefreshTokens
from bundles.security.tokens.revocation import Revocation
from bundles.security.users import UserProvider
from bundles.sessions.addresses import address_of
from rxkernel import AsyncEventDispatcher, Request, Response

_CHALLENGE = {"WWW-Authenticate": "Bearer"}


@attrs.frozen
class TokenPair:
    """The tokens of a login."""

    token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)


class Security(PasswordVerifier):
    """For controllers and services that log users in and out themselves."""

    @inject
    def __init__(
        self,
        users: UserProvider,  # type: ignore[type-arg] # a key of the injector
        passwords: Passwords,
        throttling: Throttling,
        access_tokens: AccessTokens,
        refresh_tokens: RefreshTokens,
        revocation: Revocation,
        sessions: SessionLogins,
        dispatcher: AsyncEventDispatcher,
    ) -> None:
        self._users: UserProvider[Any] = users
        self._passwords = passwords
        self._throttling = throttling
        self._access_tokens = access_tokens
        self._refresh_tokens = refresh_tokens
        self._revocation = revocation
        self._sessions = sessions
        self._dispatcher = dispatcher

    # --- passwords

    async def user_with(self, identifier: str, password: str, request: Request | None) -> Any:
        """The user with *identifier*, as passed to `UserProvider.load_for_login`, and *password*.
        Failures are counted for the client of *request*. A hash of an older kind is replaced.

        Raises:
            BadCredentials: the user does not exist, or the password is wrong; both have the same
                response.
            TooManyRequestsException: too many logins have failed.
            ServiceUnavailableException: too many logins wait, or this one took too long.
        """
        user, _ = await self.user_and_hash(identifier, password, request)
        return user

    async def user_and_hash(
        self, identifier: str, password: str, request: Request | None
    ) -> tuple[Any, str | None]:
        """As `user_with`, with the stored hash that was verified."""
        try:
            async with self._throttling.attempt(identifier, address_of(request)) as attempt:
                return await self._authenticate(identifier, password, attempt)
        except BadCredentials as exc:
            failure = AuthenticationFailureEvent(identifier, exc)
            await self._dispatcher.dispatch(SecurityEvents.AUTHENTICATION_FAILURE, failure)
            raise

    async def _authenticate(
        self, identifier: str, password: str, attempt: Attempt
    ) -> tuple[Any, str | None]:
        user = await self._users.load_for_login(identifier)
        if user is not None:
            attempt.names(self._users.identifier(user))
        stored = None if user is None else self._users.password_hash(user)
        verified = await self._passwords.verify(password, stored)
        if user is None or not verified.matches:
            raise BadCredentials("unknown user or wrong password", headers=_CHALLENGE)
        if verified.is_outdated:
            assert stored is not None
            user = await self._renew_hash(identifier, password, stored)
        event = AuthenticationEvent(self._users.identifier(user), user)
        await self._dispatcher.dispatch(SecurityEvents.AUTHENTICATION_SUCCESS, event)
        return user, stored

    async def _renew_hash(self, identifier: str, password: str, old: str) -> Any:
        """Replace the hash *old*, and return the user as it is now."""
        new = await self._passwords.hash(password)
        user = await self._users.load_for_login(identifier)
        if user is None or self._users.password_hash(user) != old:
            raise BadCredentials("the password was changed meanwhile", headers=_CHALLENGE)
        await self._users.save_password_hash(user, new, old)
        return user

    # --- logins

    async def login(
        self, user: Any, request: Request | None = None, *, began: float | None = None
    ) -> TokenPair:
        """Start a login of *user*, who was authenticated before, and return its tokens.

        *began* is the time, by `time.time`, before `user_with` was called; default: now. It is
        needed because a password may be changed while the old one is verified.

        Raises:
            BadCredentials: `logout` was called with the user since *began*.
        """
        began = time.time() if began is None else began
        identifier = await self._begin(user, request)
        roles = self._users.roles(user)
        token, claims = await self._access_tokens.create(identifier, roles)
        return TokenPair(token, await self._refresh_tokens.create(claims, began))

    def check_session_login(self, request: Request) -> None:
        """Return if `login_session` would accept *request*. Call it before work that must not be
        done otherwise, such as creating an account.

        Raises:
            ForbiddenException, UnprocessableEntityException: as `login_session`.
        """
        self._sessions.check(request)

    async def login_session(
        self, user: Any, request: Request, *, began: float | None = None
    ) -> None:
        """Start a login of *user* in the session of *request*, which gets a new id. A socket that
        has sent *request* has the identity of *user* when the message has succeeded.

        The message fails with 401 if `logout` was called with the user since *began*, see `login`.

        Raises:
            ForbiddenException: the request comes from another site, or the rule of the namespace
                of the socket refuses *user*.
            ConflictException: the socket belongs to another user, or has its session in a cookie.
            UnprocessableEntityException: the bundle ``sessions`` is not enabled.
        """
        began = time.time() if began is None else began
        self._sessions.check(request)
        socket = request.connection
        if socket is not None:
            sockets = await request.get(SocketLogins)
            await sockets.check_session(user, self._users.identifier(user), request, socket)
        identifier = await self._begin(user, request)
        session = await self._sessions.begin(request, identifier)

        async def check(_: Response) -> None:  # after the session is stored
            if await self._revocation.has_ended(identifier, began):
                await session.destroy()
                raise BadCredentials("the user was logged out meanwhile", headers=_CHALLENGE)

        request.before_sending(check)

    async def _begin(self, user: Any, request: Request | None) -> str:
        identifier = self._users.identifier(user)
        event = LoginEvent(user, identifier, request)
        await self._dispatcher.dispatch(SecurityEvents.LOGIN_SUCCESS, event)
        return identifier

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Return new tokens, with the roles that the user has now. *refresh_token* is used up.

        Raises:
            NotFoundException: it is unknown, has expired or was revoked.
            BadCredentials: it was used before, or its user does not exist any more: the login has
                ended.
            TooManyRequestsException: it was used ten times at nearly the same time.
        """
        record = await self._refresh_tokens.find(refresh_token)
        user = await self._users.load(record.identifier)
        if user is None:
            await self._revocation.end_login(record)
            raise BadCredentials("no such user", headers=_CHALLENGE)
        event = RefreshEvent(user, record.identifier)
        await self._dispatcher.dispatch(SecurityEvents.REFRESH_TOKEN_SUCCESS, event)
        token, claims = await self._access_tokens.create(
            record.identifier, self._users.roles(user), refreshed=True
        )
        return TokenPair(token, await self._refresh_tokens.rotate(record, claims))

    # --- ends

    async def logout(self, user: Any) -> None:
        """End all sessions, tokens and sockets of *user*, a user or an identifier, in this
        process at once. See `Revocation` for other processes.

        If one of the stores fails, the others are called nevertheless.

        Raises:
            ServiceUnavailableException: a store failed: call it again.
        """
        identifier = user if isinstance(user, str) else self._users.identifier(user)
        try:  # tokens first: logins in progress look in their store for the logout
            await self._revocation.end_tokens_of(identifier)
        finally:
            try:
                await self._sessions.end_all(identifier)
            finally:
                await self._revocation.end_sockets_of(identifier)
        await self._ended(identifier, is_everywhere=True)

    async def revoke(self, token: str | Token[Any]) -> None:
        """End an access token, given as its text or as ``request.token``, and its login with all
        tokens.

        Raises:
            BadCredentials: the text is not a valid access token.
            ValueError: ``request.token`` does not come from an access token.
        """
        if isinstance(token, str):
            claims = await self._access_tokens.verify(token)
            identifier, id, expires = claims.identifier, claims.id, claims.expires
        elif token.identifier is None or token.id is None or token.expires is None:
            raise ValueError(
                f"{token!r} does not come from an access token; pass the request.token of a "
                f"message with one, or its text"
            )
        else:
            identifier, id, expires = token.identifier, token.id, token.expires
        await self._revocation.end_token(identifier, id, expires)
        await self._ended(identifier)

    async def end_login(self, refresh_token: str) -> None:
        """End the login of *refresh_token*, with all its tokens.

        Raises:
            NotFoundException: it is unknown, has expired or was revoked.
        """
        record = await self._refresh_tokens.find(refresh_token)
        await self._revocation.end_login(record)
        await self._ended(record.identifier)

    async def end_session(self, request: Request, *, keep: Collection[str] = ()) -> bool:
        """End the login in the session of *request*; return False if the session has no user.

        The session ends. If it has values with a name in *keep*, they stay in an anonymous
        session, for which the client gets a new id when the message has succeeded.

        Raises:
            ForbiddenException: the request comes from another site.
        """
        identifier = await self._sessions.end(request, keep)
        if identifier is not None:
            await self._ended(identifier)
        return identifier is not None

    async def _ended(self, identifier: str, *, is_everywhere: bool = False) -> None:
        event = LogoutEvent(identifier, is_everywhere)
        await self._dispatcher.dispatch(SecurityEvents.LOGOUT_SUCCESS, event)
