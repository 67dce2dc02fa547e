"""Verifies the credential of a message, and returns its token: the user and its roles."""

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

import attrs
from injector import inject

from bundles.security.credentials.credentials import (
    AUTHORIZATION,
    COOKIE,
    SESSION,
    ApiKeyCredential,
    BasicCredential,
    BearerCredential,
    CredentialReader,
    SentCredential,
    has_basic,
)
from bundles.security.credentials.cross_site import CrossSiteGuard
from bundles.security.credentials.session_reader import SessionReader
from bundles.security.credentials.verifiers import PasswordVerifier, TokenVerifier
from bundles.security.exceptions import BadCredentials
from bundles.security.rules.roles import RoleHierarchy
from bundles.security.settings import SecuritySettings
from bundles.security.token import ANONYMOUS, Credential, Token
from bundles.security.tokens.claims import Claims
from bundles.security.users import UserProvider
from bundles.sessions import Session
from rxkernel import ConfigurationError, Connection, HttpDefinition, Request, Transport

Verify = Callable[[Request], Awaitable[Token[Any]]]
"""Verifies the credential of a socket again, for a message."""


class Authentication:
    """Verifies credentials. The user is loaded for each message: a user who was disabled or has
    lost a role is refused at the next message, over every transport.

    Attributes:
        read: finds the credential in a message.
    """

    @inject
    def __init__(
        self,
        users: UserProvider,  # type: ignore[type-arg] # a key of the injector
        tokens: TokenVerifier,
        passwords: PasswordVerifier,
        sessions: SessionReader,
        guard: CrossSiteGuard,
        roles: RoleHierarchy,
        settings: SecuritySettings,
    ) -> None:
        _check_api_keys(settings.api_key_header, users)
        self._users: UserProvider[Any] = users
        self._tokens = tokens
        self._passwords = passwords
        self._sessions = sessions
        self._guard = guard
        self._roles = roles
        self.read = CredentialReader(
            api_key_header=settings.api_key_header,
            query_parameter=settings.query_parameter,
            basic=settings.basic,
            token_scheme=settings.token_scheme.lower(),
        )
        self._without_basic = attrs.evolve(self.read, basic=False)

    async def of_message(self, request: Request, *, is_basic_taken: bool = False) -> Token[Any]:
        """Return the token for the credential in *request* itself, not in its connection.

        *is_basic_taken*: ``Authorization: Basic`` belongs to the gate of the rule, and is ignored.

        Raises:
            BadCredentials: its credential is not valid.
            ForbiddenException: a page of another site sent it, with the cookie of a session or
                with Basic.
        """
        headers = request.headers
        values = headers.getall(AUTHORIZATION, ())
        if len(values) == 1 and values[0].startswith("Bearer "):  # the short path of most messages
            claims = self._tokens.verified(values[0][7:])
            if claims is not None:
                return self._of_claims(claims, await self._users.load(claims.identifier))
        reader = self.read
        if is_basic_taken:
            reader = self._without_basic
            if has_basic(values):
                self._guard.check(request)
        sent = reader.in_headers(headers)
        if sent is None and request.transport is Transport.HTTP:
            sent = self._in_query(request)
        if sent is not None:
            if isinstance(sent, BasicCredential):  # a browser adds it by itself
                self._guard.check(request)
            return await self.verify(sent, request)
        if COOKIE not in headers and SESSION not in headers:
            return ANONYMOUS
        session = await self._sessions.of(request)
        if session is None:
            return ANONYMOUS
        if request.transport is Transport.HTTP or not self._sessions.is_in_header(request):
            self._guard.check(request)
        return await self._of_session(session)

    def _in_query(self, request: Request) -> SentCredential | None:
        name, definition = self.read.query_parameter, request.definition
        if not name or not isinstance(definition, HttpDefinition):  # else params are arguments
            return None
        if name in definition.template.parameters:  # this parameter is in the path
            return None
        return self.read.in_query(request.params)

    async def of_handshake(
        self, connection: Connection, request: Request
    ) -> tuple[Token[Any], Verify | None]:
        """The token of *connection*, which connects, and the function that verifies its credential
        again for each message; None if it is anonymous.

        The credential is ``auth.token``, a header, a query parameter or a session. The server has
        removed the cookies of pages of other sites.

        Raises:
            BadCredentials: its credential is not valid.
        """
        sent = (
            self.read.in_auth(connection.auth)
            or self.read.in_headers(connection.headers)
            or self.read.in_query(connection.query)
        )
        if sent is not None:
            return await self.verify_for_socket(sent, request)
        session = await self._sessions.of_connection(connection)
        if session is None:
            return ANONYMOUS, None
        return await self._of_session(session), self._again_of_session

    async def of_changed_session(self, request: Request) -> tuple[Token[Any], Verify] | None:
        """The token of the session that *request* has now, after its action has changed it, and
        the function that verifies it again for each message of a socket; None without a session.

        Raises:
            BadCredentials: the session has ended, or its user does not exist or is disabled.
        """
        session = await self._sessions.after_change(request)
        if session is None:
            return None
        return await self._of_session(session), self._again_of_session

    async def _of_session(self, session: Session) -> Token[Any]:
        """The token of the user of *session*; if it has no user, an anonymous token with its
        id."""
        if session.user is None:
            return Token(user=None, credential="session", id=session.id)
        user = _known(await self._users.load(session.user))
        return self.token(user, "session", identifier=session.user, id=session.id)

    async def _again_of_session(self, request: Request) -> Token[Any]:
        session = await self._sessions.of(request)
        if session is None:
            raise BadCredentials("the session has ended")
        return await self._of_session(session)

    async def verify(self, sent: SentCredential, request: Request) -> Token[Any]:
        """The token of the user to whom *sent* belongs.

        Raises:
            BadCredentials: *sent* is not valid, or its user does not exist or is disabled.
        """
        if isinstance(sent, BearerCredential):
            claims = await self._tokens.verify(sent.text)
            return self._of_claims(claims, await self._users.load(claims.identifier))
        if isinstance(sent, ApiKeyCredential):
            digest = hashlib.sha256(sent.text.encode()).hexdigest()
            return self.token(_known(await self._users.load_by_api_key(digest)), "api_key")
        assert isinstance(sent, BasicCredential)
        user, _ = await self._passwords.user_and_hash(sent.identifier, sent.password, request)
        return self.token(user, "basic")

    def _of_claims(self, claims: Claims, user: Any) -> Token[Any]:
        """The token of *user*, whom the provider has loaded for *claims*.

        Raises:
            BadCredentials: *user* is None: the provider has not found it.
        """
        if user is None:
            raise BadCredentials("no such user")
        return Token(
            user=user,
            identifier=claims.identifier,
            roles=self._roles.expand(self._users.roles(user)),
            is_authenticated=True,
            is_fully_authenticated=not claims.refreshed,
            credential="bearer",
            expires=claims.expires,
            id=claims.id,
        )

    async def verify_for_socket(
        self, sent: SentCredential, request: Request
    ) -> tuple[Token[Any], Verify]:
        """As `verify`, and the function that verifies *sent* again for each message.

        Verifying a password takes long, so it is verified again only if another hash is stored.

        Raises:
            BadCredentials: as `verify`.
        """
        if not isinstance(sent, BasicCredential):
            return await self.verify(sent, request), partial(self.verify, sent)
        verified, basic = None, sent

        async def password(request: Request) -> Token[Any]:
            nonlocal verified
            user, verified = await self._passwords.user_and_hash(
                basic.identifier, basic.password, request
            )
            return self.token(user, "basic")

        async def again(request: Request) -> Token[Any]:
            user = _known(await self._users.load_for_login(basic.identifier))
            if self._users.password_hash(user) != verified:
                return await password(request)
            return self.token(user, "basic")

        return await password(request), again

    def token(
        self,
        user: Any,
        credential: Credential,
        *,
        identifier: str | None = None,
        id: str | None = None,
    ) -> Token[Any]:
        """The token of *user*, with its roles from the provider and the hierarchy."""
        roles: Iterable[str] = self._users.roles(user)
        return Token(
            user=user,
            identifier=self._users.identifier(user) if identifier is None else identifier,
            roles=self._roles.expand(roles),
            is_authenticated=True,
            is_fully_authenticated=True,
            credential=credential,
            id=id,
        )


def _check_api_keys(header: str, users: UserProvider[Any]) -> None:
    if header and type(users).load_by_api_key is UserProvider.load_by_api_key:
        raise ConfigurationError(
            f"security.api_key_header is {header!r}, but {type(users).__name__} does not override "
            f"load_by_api_key, so no key is valid; override it, or remove the setting"
        )


def _known(user: Any) -> Any:
    """Return *user*, which the provider has loaded.

    Raises:
        BadCredentials: *user* is None: the provider has not found it.
    """
    if user is None:
        raise BadCredentials("no such user")
    return user
