"""The checks of RxStack's specification of its package security that no other test proves.

The deviations are in docs/explain/coming-from-rxstack.md.
"""

import json
import time
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from joserfc.jwk import RSAKey

from bundles.security import (
    ANONYMOUS,
    AccessTokens,
    AuthenticationEvent,
    AuthenticationFailureEvent,
    BadCredentials,
    Security,
    SecurityEvents,
    SecuritySettings,
    Token,
    TokenCreatedEvent,
    TokenDecodedEvent,
    TokenSettings,
)
from bundles.security.sockets.socket_identities import SocketIdentities
from bundles.security.tokens.key_files import add_key
from bundles.security.tokens.store import TokenStore
from rxkernel import (
    ConfigurationError,
    KernelEvents,
    NotFoundException,
    ResponseEvent,
    observe,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.security.logins import SECRET, Account, Accounts, login, logins, password_of
from tests.bundles.security.shop import ROLES, application_of, bearer, token_of
from tests.waiting import until

WEEK = 604_800


class LastToken:
    """Keeps the token of the last message at its end."""

    token: Token[Any] | None = None

    @observe(KernelEvents.KERNEL_RESPONSE)
    async def note(self, event: ResponseEvent) -> None:
        self.token = event.request.token


# row 46
async def test_password_returns_the_user_and_a_wrong_one_raises(
    client_of: ClientOf,
) -> None:
    accounts = Accounts()
    accounts.add("root", "admin")
    client = client_of(application := logins(accounts))
    await application.boot()
    events: list[tuple[str, str]] = []

    async def success(event: AuthenticationEvent) -> None:
        events.append(("success", event.identifier))

    async def failure(event: AuthenticationFailureEvent) -> None:
        events.append(("failure", event.identifier))

    client.dispatcher.add_listener(SecurityEvents.AUTHENTICATION_SUCCESS, success)
    client.dispatcher.add_listener(SecurityEvents.AUTHENTICATION_FAILURE, failure)
    security = application.injector.get(Security)

    user = await security.user_with("root", password_of("root"), None)
    assert (user.username, user.roles) == ("root", ["admin"])
    with pytest.raises(BadCredentials):
        await security.user_with("root", "wrong", None)
    assert events == [("success", "root"), ("failure", "root")]


# row 47
@pytest.mark.parametrize("value", ["Digest abc", "Basic YWRhOmE=", "abc"])
async def test_credential_of_unknown_kind_is_401_as_without_one(
    client_of: ClientOf, value: str
) -> None:
    client = client_of(application_of())
    headers = {"Authorization": value}
    assert (await client.http("article_list", headers=headers)).status_code == 401
    assert (await client.http("article_show", params={"slug": "x"}, headers=headers)).content == (
        "nobody"
    )
    async with client.connection(headers=headers) as stranger:
        assert (await client.websocket("article_list", connection=stranger)).status_code == 401


# row 47
async def test_exception_of_the_provider_is_raised_without_an_event(
    client_of: ClientOf,
) -> None:
    accounts = Accounts()
    client = client_of(application := logins(accounts))
    await application.boot()
    accounts.failure = RuntimeError("down")

    async def unreachable(event: AuthenticationFailureEvent) -> None:
        pytest.fail("not a failure of the client")

    client.dispatcher.add_listener(SecurityEvents.AUTHENTICATION_FAILURE, unreachable)
    with pytest.raises(RuntimeError, match="down"):
        await application.injector.get(Security).user_with("ada", password_of("ada"), None)


# row 48
@pytest.mark.parametrize("kind", ["argon2id", "bcrypt"])
async def test_stored_hash_is_verified_with_its_algorithm(client_of: ClientOf, kind: str) -> None:
    accounts = Accounts()
    if kind == "bcrypt":
        hashed = bcrypt.hashpw(password_of("ada").encode(), bcrypt.gensalt(4)).decode()
        accounts.by_name["ada"].password_hash = hashed
    client = client_of(logins(accounts))
    assert (await login(client, password="wrong")).status_code == 401
    assert (await login(client)).status_code == 200


# row 48
@pytest.mark.parametrize("stored", ["s3cret-ada", "plain:s3cret-ada", "{SSHA}s3cret-ada"])
async def test_stored_hash_of_unknown_kind_matches_no_password(
    client_of: ClientOf, stored: str, caplog: pytest.LogCaptureFixture
) -> None:
    accounts = Accounts()
    accounts.by_name["ada"] = Account("ada", stored)
    client = client_of(logins(accounts))
    assert (await login(client)).status_code == 401
    assert "a stored password hash cannot be read" in caplog.text


# row 49
@pytest.mark.parametrize("is_session", [False, True])
async def test_login_sets_a_fully_authenticated_token(
    client_of: ClientOf, is_session: bool
) -> None:
    application = logins()
    last = LastToken()
    application.listeners = (last,)
    client = client_of(application)
    await login(client, session=is_session)
    assert last.token is not None
    assert last.token.identifier == "ada"
    assert last.token.is_authenticated
    assert last.token.is_fully_authenticated


# row 52
async def test_bearer_token_in_the_query_authenticates(client_of: ClientOf) -> None:
    last = LastToken()
    settings = SecuritySettings(roles=ROLES, query_parameter="bearer")
    application = application_of(settings=settings)
    application.listeners = (last,)
    client = client_of(application)
    for query, status in (({"bearer": token_of("ada")}, 200), ({"bearer": "x"}, 401), ({}, 401)):
        assert (await client.http("article_list", params=query)).status_code == status
    assert (await client.http("article_show", params={"slug": "x"})).content == "nobody"
    assert last.token is ANONYMOUS
    assert (last.token.identifier, last.token.is_authenticated) == (None, False)


# row 53
async def test_timer_of_a_disconnected_socket_is_cancelled(client_of: ClientOf) -> None:
    client = client_of(application_of())
    async with client.connection(auth={"token": token_of("ada")}) as ada:
        identity = client.application.injector.get(SocketIdentities)._found[ada]
        timer = identity.timer
        assert timer is not None
        assert not timer.cancelled()
    assert timer.cancelled()
    assert identity.timer is None


# row 54
async def test_socket_authenticated_with_a_bearer_token_has_it(client_of: ClientOf) -> None:
    last = LastToken()
    application = application_of()
    application.listeners = (last,)
    client = client_of(application)
    async with client.connection() as socket:
        params = {"bearer": "x"}
        bad = await client.websocket("security_authenticate", params=params, connection=socket)
        assert bad.status_code == 401
        assert socket.token is ANONYMOUS
        params = {"bearer": token_of("ada")}
        good = await client.websocket("security_authenticate", params=params, connection=socket)
        assert (good.status_code, good.content) == (204, None)
        assert last.token is socket.token
        assert (socket.token.identifier, socket.token.credential) == ("ada", "bearer")
        assert socket.token.is_fully_authenticated


# row 55
async def test_socket_after_the_lifetime_of_its_token_is_anonymous(client_of: ClientOf) -> None:
    """Over HTTP the token is refused too. RxStack only removes the flag of full authentication."""
    settings = SecuritySettings(
        tokens=TokenSettings(secret=SECRET, ttl=1, leeway=0), disconnect_expired=False
    )
    client = client_of(application_of(settings=settings))
    await client.application.boot()
    text, _ = await client.application.injector.get(AccessTokens).create("ada")
    async with client.connection() as socket:
        params = {"bearer": text}
        await client.websocket("security_authenticate", params=params, connection=socket)
        assert socket.token.is_fully_authenticated
        await until(lambda: not socket.token.is_authenticated)
        assert not socket.token.is_fully_authenticated
        assert (await client.websocket("article_list", connection=socket)).status_code == 401
    headers = {"Authorization": f"Bearer {text}"}
    assert (await client.http("article_list", headers=headers)).status_code == 401


# row 56
async def test_socket_that_unauthenticates_has_the_anonymous_token(
    client_of: ClientOf,
) -> None:
    last = LastToken()
    application = application_of()
    application.listeners = (last,)
    client = client_of(application)
    async with client.connection(auth={"token": token_of("ada")}) as ada:
        await client.websocket("security_unauthenticate", connection=ada)
        assert last.token is ANONYMOUS
        assert ada.token is ANONYMOUS
        again = await client.websocket("security_unauthenticate", connection=ada)
        assert again.status_code == 403


# row 57
async def test_refresh_token_is_valid_until_its_login_ends(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ended token is unknown (RxStack: Unauthorized). The store removes expired tokens."""
    client = client_of(application := logins())
    await application.boot()
    security = application.injector.get(Security)
    store = application.injector.get(TokenStore)  # type: ignore[type-abstract]
    ada = await security.user_with("ada", password_of("ada"), None)

    pair = await security.login(ada)
    assert len(pair.refresh_token) == 43
    again = await security.refresh(pair.refresh_token)
    claims = await application.injector.get(AccessTokens).verify(again.token)
    assert (claims.identifier, claims.refreshed) == ("ada", True)
    await security.end_login(again.refresh_token)
    for text in (pair.refresh_token, again.refresh_token, "unknown"):
        with pytest.raises(NotFoundException):
            await security.refresh(text)

    await security.login(ada)
    later = time.time() + 5 * WEEK
    monkeypatch.setattr(time, "time", lambda: later)
    await login(client)
    assert len(store) == 1  # type: ignore[arg-type]


# row 58
@pytest.mark.parametrize("algorithm", ["HS512", "RS512", "RS256"])
async def test_token_contains_the_claims_of_the_application_and_the_standard_ones(
    client_of: ClientOf, tmp_path: Path, algorithm: str
) -> None:
    path = tmp_path / "keys.json"
    add_key(path, algorithm)
    tokens_settings = TokenSettings(keys=(path,), issuer="shop", audience="customers")
    client = client_of(application := logins(tokens=tokens_settings))
    await application.boot()
    path.unlink()  # it was read once, at boot
    tokens = application.injector.get(AccessTokens)

    async def add(event: TokenCreatedEvent) -> None:
        event.payload["tenant"] = 7

    client.dispatcher.add_listener(SecurityEvents.TOKEN_CREATED, add)
    text, _ = await tokens.create("ada")
    payload = (await tokens.verify(text)).payload
    assert (payload["tenant"], payload["iss"], payload["sub"]) == (7, "shop", "ada")
    assert 299 <= payload["exp"] - payload["iat"] <= 301
    with pytest.raises(BadCredentials):
        await tokens.verify("invalid")


# row 58
async def test_key_with_a_wrong_algorithm_is_a_configuration_error(tmp_path: Path) -> None:
    """The error is raised at boot, not when the first token is signed."""
    path = tmp_path / "key.json"
    key = RSAKey.generate_key(2048, {"alg": "RS999"})
    path.write_text(json.dumps(key.as_dict(private=True)))
    with pytest.raises(ConfigurationError, match="'RS999'; allowed algorithms: HS256"):
        await logins(tokens=TokenSettings(keys=(path,))).boot()


# row 59
@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ({"bearer": "valid"}, {}, 200),
        ({"token": "valid"}, {}, 401),
        ({}, {"authorization": "Bearer valid"}, 200),
        ({}, {"x-authorization": "Bearer valid"}, 401),
        ({}, {"authorization": "valid"}, 401),
    ],
)
async def test_token_is_read_from_places_of_the_settings_only(
    client_of: ClientOf, query: dict[str, str], headers: dict[str, str], status: int
) -> None:
    settings = SecuritySettings(roles=ROLES, query_parameter="bearer")
    client = client_of(application_of(settings=settings))
    valid = token_of("ada")
    query, headers = (
        {name: text.replace("valid", valid) for name, text in sent.items()}
        for sent in (query, headers)
    )
    sent = await client.http("article_list", params=query, headers=headers)
    assert sent.status_code == status
    async with client.connection(query=query, headers=headers) as socket:
        response = await client.websocket("article_list", connection=socket)
        assert response.status_code == status


# row 60
async def test_token_that_a_listener_refuses_is_401_over_both_transports(
    client_of: ClientOf,
) -> None:
    client = client_of(application_of())
    await client.application.boot()

    async def refuse(event: TokenDecodedEvent) -> None:
        if event.payload["sub"] == "eve":
            event.mark_as_invalid()

    client.dispatcher.add_listener(SecurityEvents.TOKEN_DECODED, refuse)
    for name, status in (("ada", 200), ("eve", 401)):
        sent = await client.http("article_list", headers=bearer(name))
        assert sent.status_code == status
        async with client.connection() as socket:
            params = {"bearer": token_of(name)}
            response = await client.websocket(
                "security_authenticate", params=params, connection=socket
            )
            assert response.status_code == (204 if status == 200 else 401)


# row 61
async def test_user_whom_the_provider_does_not_know_is_401(client_of: ClientOf) -> None:
    client = client_of(application_of())
    assert (await client.http("article_list", headers=bearer("ada"))).content == "ada"
    assert (await client.http("article_list", headers=bearer("nobody"))).status_code == 401
