"""The clients of the access matrix: one for each credential that the application accepts."""

import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from secrets import token_hex
from typing import Any
from unittest.mock import patch

import attrs
import msgspec
from injector import Injector

from bundles.clock import Clock
from bundles.security.credentials.authentication import Authentication
from bundles.security.events import SecurityEvents, TokenCreatedEvent
from bundles.security.settings import SecuritySettings
from bundles.security.token import ANONYMOUS, Credential, Token
from bundles.security.tokens.access_tokens import AccessTokens
from bundles.security.users import UserProvider
from bundles.sessions import SessionsSettings, SessionStore, StoredSession
from bundles.sessions.credentials import id_of, new_secret
from rxkernel import AsyncEventDispatcher

MakeToken = Callable[[str, bool], Awaitable[str]]
"""Returns an access token of the user with an identifier; expired, if the second argument is true.

For applications that accept tokens of another issuer only."""


@attrs.frozen
class MatrixUser:
    """A user of the matrix, and its secrets in plain text, which the application does not store.

    Attributes:
        password: sent by HTTP Basic; None: Basic is not tried.
        api_key: sent in its header; None: not tried.
    """

    identifier: str
    password: str | None = attrs.field(default=None, repr=False, kw_only=True)
    api_key: str | None = attrs.field(default=None, repr=False, kw_only=True)


@attrs.frozen
class MatrixClient:
    """A kind of client.

    Attributes:
        token: of its credential when it connects; None: the credential is refused.
        headers: of its requests and procedures.
        handshake: the arguments of `KernelClient.connection` for its sockets.
        token_later: of its credential when it sends a message.
        sending: a context manager that is entered while it sends a message.
    """

    name: str
    token: Token[Any] | None
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    handshake: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    token_later: Token[Any] | None = attrs.field(
        default=attrs.Factory(lambda self: self.token, takes_self=True)
    )
    sending: Callable[[], AbstractContextManager[object]] = nullcontext

    @property
    def changes(self) -> bool:
        """Whether its identity changes between connecting and sending."""
        return self.token_later is not self.token


def _bearer(name: str, text: str, token: Token[Any] | None, **later: Any) -> MatrixClient:
    headers = {"Authorization": f"Bearer {text}"}
    return MatrixClient(name, token, headers, {"auth": {"token": text}}, **later)


def _with_headers(name: str, token: Token[Any] | None, headers: dict[str, str]) -> MatrixClient:
    return MatrixClient(name, token, headers, {"headers": headers})


class MatrixClients:
    """Makes the clients, in the application of *injector*, for *users*.

    Raises:
        AssertionError: a user has a password or an API key, and the settings do not accept it.
    """

    def __init__(
        self, injector: Injector, users: Iterable[MatrixUser], make_token: MakeToken | None
    ) -> None:
        self._injector = injector
        self._users = tuple(users)
        self._settings = injector.get(SecuritySettings)
        self._authentication = injector.get(Authentication)
        self._provider: UserProvider[Any] = injector.get(UserProvider)  # type: ignore[type-abstract]
        dispatcher = injector.get(AsyncEventDispatcher)
        self._make_token = make_token or partial(
            _make_token, injector.get(AccessTokens), dispatcher
        )
        for user in self._users:
            assert user.password is None or self._settings.basic, (
                f"{user} has a password, but security.basic is false; remove the password"
            )
            assert user.api_key is None or self._settings.api_key_header, (
                f"{user} has an API key, but security.api_key_header is empty; remove the key"
            )

    async def all(self) -> AsyncIterator[MatrixClient]:
        yield MatrixClient("no credential", ANONYMOUS)
        yield _bearer("bad credential", "not.a.token", None)
        if self._settings.basic:
            yield _with_headers("bad basic", None, {"Authorization": "Basic bm90IGJhc2lj"})
        if header := self._settings.api_key_header:
            yield _with_headers("bad API key", None, {header: token_hex(32)})
        if self._has_sessions:
            yield self._with_cookie("unknown session", ANONYMOUS, new_secret())
            token: Token[Any] = Token(user=None, credential="session")
            yield await self._session("session without a user", token)
        for number, user in enumerate(self._users):
            loaded = await self._provider.load(user.identifier)
            assert loaded is not None, f"the provider has no user {user.identifier!r}"
            if number == 0:
                expired = await self._make_token(user.identifier, True)
                yield _bearer("expired credential", expired, None)
            async for client in self._of(user, loaded):
                yield client

    async def _of(self, user: MatrixUser, loaded: Any) -> AsyncIterator[MatrixClient]:
        name = user.identifier
        text = await self._make_token(name, False)
        token = self._token(user, loaded, "bearer")
        yield _bearer(name, text, token)
        if self._has_sessions:
            yield await self._session(f"{name}, session", self._token(user, loaded, "session"))
        for client in self._without_tokens(user, loaded):
            yield client
        if token.roles:
            yield _bearer(
                f"{name}, roles removed",
                text,
                token,
                token_later=msgspec.structs.replace(token, roles=frozenset()),
                sending=partial(
                    patch.object, type(self._provider), "roles", lambda provider, user: ()
                ),
            )

    def _without_tokens(self, user: MatrixUser, loaded: Any) -> Iterator[MatrixClient]:
        name = user.identifier
        if user.password is not None:
            sent = base64.b64encode(f"{name}:{user.password}".encode()).decode()
            token = self._token(user, loaded, "basic")
            yield _with_headers(f"{name}, basic", token, {"Authorization": f"Basic {sent}"})
        if user.api_key is not None:
            headers = {self._settings.api_key_header: user.api_key}
            yield _with_headers(f"{name}, API key", self._token(user, loaded, "api_key"), headers)

    def _token(self, user: MatrixUser, loaded: Any, credential: Credential) -> Token[Any]:
        return self._authentication.token(loaded, credential, identifier=user.identifier)

    # --- sessions

    @property
    def _has_sessions(self) -> bool:
        return self._injector.binder.has_explicit_binding_for(SessionStore)

    async def _session(self, name: str, token: Token[Any]) -> MatrixClient:
        """A client with a stored session of the user of *token*."""
        secret, now = new_secret(), self._injector.get(Clock).now()
        id = id_of(secret)
        assert id is not None
        stored = StoredSession(token_hex(16), id, {}, token.identifier, "", now, now)
        await self._injector.get(SessionStore).create(stored)  # type: ignore[type-abstract]
        return self._with_cookie(name, token, secret)

    def _with_cookie(self, name: str, token: Token[Any], secret: str) -> MatrixClient:
        cookie = self._injector.get(SessionsSettings).cookie
        return _with_headers(name, token, {"Cookie": f"{cookie}={secret}"})


async def _make_token(
    tokens: AccessTokens, dispatcher: AsyncEventDispatcher, identifier: str, is_expired: bool
) -> str:
    async def expire(event: TokenCreatedEvent) -> None:
        event.payload["exp"] = time.time() - 86_400
        event.payload["iat"] = event.payload["exp"] - 60

    created = dispatcher.signal(SecurityEvents.TOKEN_CREATED)
    with created.connected_to(expire) if is_expired else nullcontext():
        text, _ = await tokens.create(identifier)
    return text
