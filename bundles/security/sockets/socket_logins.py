"""Changes the identity of sockets, by a token that they send or by a login in their session."""

from typing import Any

from injector import inject

from bundles.security.credentials.authentication import Authentication, Verify
from bundles.security.credentials.credentials import bearer_credential
from bundles.security.events import SecurityEvents, SocketAuthenticationEvent
from bundles.security.rules.namespace_rules import NamespaceRules
from bundles.security.sockets.socket_identities import SocketIdentities, SocketScope
from bundles.security.token import ANONYMOUS, Token
from rxkernel import AsyncEventDispatcher, ConflictException, Connection, Request


class SocketLogins:
    """The logins of one socket run one after the other."""

    @inject
    def __init__(
        self,
        rules: NamespaceRules,
        authentication: Authentication,
        sockets: SocketIdentities,
        dispatcher: AsyncEventDispatcher,
    ) -> None:
        self._rules = rules
        self._authentication = authentication
        self._sockets = sockets
        self._dispatcher = dispatcher

    async def with_token(self, bearer: str, request: Request, connection: Connection) -> None:
        """Set the identity of *connection* by an access token.

        Raises:
            BadCredentials: the token is not valid.
            ForbiddenException: its user may not be connected to the namespace.
            ConflictException: the socket belongs to another user.
        """
        async with (await request.get(SocketScope)).changing:
            sent = bearer_credential(bearer)
            revocations = self._sockets.revocations
            token, verify = await self._authentication.verify_for_socket(sent, request)
            await self._check(connection, token, request)
            await self._change(request, connection, token, verify, revocations)

    async def check_session(
        self, user: Any, identifier: str, request: Request, connection: Connection
    ) -> None:
        """Return if *connection* may get the identity of *user*, whose login is not stored yet.

        Raises:
            ForbiddenException, ConflictException: as `with_token`.
        """
        token = self._authentication.token(user, "session", identifier=identifier)
        await self._check(connection, token, request)

    async def follow_session(
        self, request: Request, connection: Connection, *, is_refusable: bool
    ) -> None:
        """Set the identity of *connection* by its session, which *request* has changed, unless its
        identity comes from another credential.

        Raises:
            BadCredentials, ForbiddenException: as `with_token`.
            ConflictException: as `with_token`, if *is_refusable*. Otherwise the session already
                has another user, and the socket gets its identity.
        """
        async with (await request.get(SocketScope)).changing:
            before = connection.token
            if before.is_authenticated and before.credential != "session":
                return
            revocations = self._sockets.revocations
            found = await self._authentication.of_changed_session(request)
            if found is None:
                await self._leave(request, connection)
                return
            token, verify = found
            if is_refusable and token.is_authenticated:
                self._check_user(connection, token)
            await self._rules.check(connection, token, request)
            if token.is_authenticated:
                await self._change(request, connection, token, verify, revocations)
            else:
                await self._end_user(connection)
                await self._sockets.attach(request, token, verify, revocations)
                request.token = token

    async def _end_user(self, connection: Connection) -> None:
        if connection.token.is_authenticated:
            event = SocketAuthenticationEvent(connection, connection.token)
            await self._dispatcher.dispatch(SecurityEvents.SOCKET_UNAUTHENTICATION_SUCCESS, event)

    async def _leave(self, request: Request, connection: Connection) -> None:
        """Make *connection* anonymous; close it after the response if its namespace is guarded."""
        try:
            await self._end_user(connection)
        finally:
            await self._sockets.detach(connection)
            request.token = ANONYMOUS
            if self._rules.is_guarded(connection):
                request.after_sending(connection.disconnect)

    async def _check(self, connection: Connection, token: Token[Any], request: Request) -> None:
        self._check_user(connection, token)
        await self._rules.check(connection, token, request)

    @staticmethod
    def _check_user(connection: Connection, token: Token[Any]) -> None:
        before = connection.token
        if before.is_authenticated and before.identifier != token.identifier:
            raise ConflictException(
                "the socket belongs to another user; send security_unauthenticate first, or "
                "reconnect"
            )

    async def _change(
        self,
        request: Request,
        connection: Connection,
        token: Token[Any],
        verify: Verify,
        revocations: int,
    ) -> None:
        event = SocketAuthenticationEvent(connection, token)
        try:
            await self._dispatcher.dispatch(SecurityEvents.SOCKET_AUTHENTICATION_SUCCESS, event)
            await self._sockets.attach(request, token, verify, revocations)
        except BaseException:
            if not connection.token.is_authenticated:  # listeners may have joined it to rooms
                await self._dispatcher.dispatch(
                    SecurityEvents.SOCKET_UNAUTHENTICATION_SUCCESS, event
                )
            raise
        request.token = token
