"""The routes of logins: shapes of RxStack, rotation, ends, faults."""

import asyncio
import gc
import logging
import time
import tracemalloc
from typing import Any

import attrs
import bcrypt
import pytest

from bundles.security import (
    AuthenticationEvent,
    LoginEvent,
    LogoutEvent,
    RouteSettings,
    Security,
    SecurityEvents,
    ThrottlingSettings,
    TokenSettings,
)
from bundles.security.tokens.store import TokenStore
from rxkernel import (
    AsyncEventDispatcher,
    Event,
    ForbiddenException,
    KernelClient,
    KernelEvents,
    Response,
    ResponseEvent,
    ServiceUnavailableException,
    observe,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.security.logins import SECRET, Account, Accounts, login, logins, password_of
from tests.waiting import until


def bearer(response: Response) -> dict[str, str]:
    return {"Authorization": f"Bearer {response.content['token']}"}


async def refresh(client: KernelClient, token: str) -> Response:
    return await client.http("security_refresh_token", body={"refreshToken": token})


async def mine(client: KernelClient, response: Response) -> Any:
    """The name of the user over HTTP, or the status of the error."""
    over_http = await client.http("note_mine", headers=bearer(response))
    return over_http.content if over_http.status_code == 200 else over_http.status_code


# --- login


# row 49
async def test_login_returns_two_tokens_and_no_cookie(client_of: ClientOf) -> None:
    client = client_of(logins())

    response = await login(client)

    assert response.status_code == 200
    assert response.content.keys() == {"token", "refreshToken"}
    assert response.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in response.headers
    assert await mine(client, response) == "ada"
    async with client.connection(auth={"token": response.content["token"]}) as ada:
        assert (await client.websocket("note_mine", connection=ada)).content == "ada"


# E10
async def test_unknown_user_and_wrong_password_have_one_response(client_of: ClientOf) -> None:
    """The responses do not show which users exist."""
    client = client_of(logins())

    responses = [
        await login(client, "ada", password="wrong"),
        await login(client, "nobody", password="wrong"),
        await login(client, "guest", password="wrong"),
        await login(client, "guest", password=""),
        await login(client, "ada", password=""),
        await login(client, "ada", password="p" * 1024),
    ]

    for one in responses:
        del one.headers["X-Request-ID"]
    bodies = {(one.status_code, str(one.content), str(one.headers)) for one in responses}
    assert len(bodies) == 1
    assert responses[0].status_code == 401
    assert responses[0].headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"username": "ada"},
        {"username": "ada", "password": None},
        {"username": "ada", "password": ["s3cret-ada"]},
        {"username": {"$ne": ""}, "password": "s3cret-ada"},
        {"username": "ada", "password": "p" * 1025},
        {"username": "a" * 1025, "password": "p"},
        [],
    ],
    ids=lambda body: str(body)[:40],
)
async def test_login_with_an_invalid_body_is_422(client_of: ClientOf, body: object) -> None:
    client = client_of(logins())

    response = await client.http("security_login", body=body)

    assert response.status_code == 422
    assert "s3cret" not in str(response.content)


async def test_login_accepts_a_form(client_of: ClientOf) -> None:
    client = client_of(logins())
    form = {"username": "ada", "password": password_of("ada")}

    assert (await client.http("security_login", form=form)).status_code == 200


async def test_login_ignores_an_expired_credential(client_of: ClientOf) -> None:
    """In RxStack, a client that always sends its bearer token cannot log in again."""
    client = client_of(logins())
    client.headers["Authorization"] = "Bearer expired"

    response = await login(client)
    assert response.status_code == 200
    assert (await refresh(client, response.content["refreshToken"])).status_code == 200


async def test_login_replaces_an_outdated_hash_once(client_of: ClientOf) -> None:
    accounts = Accounts()
    accounts.by_name[
        "ada"
    ].password_hash = "$2b$04$abcdefghijklmnopqrstuuFUQKkM2W1uLt.CdXAkMvB9aVLgjH1Iy"
    client = client_of(logins(accounts))
    assert (await login(client)).status_code == 401
    assert accounts.saved == []

    accounts.add("ada")
    accounts.by_name["ada"].password_hash = _older_hash("ada")
    assert (await login(client)).status_code == 200
    assert (await login(client)).status_code == 200
    assert accounts.saved == ["ada"]


def _older_hash(name: str) -> str:
    return bcrypt.hashpw(password_of(name).encode(), bcrypt.gensalt(4)).decode()


async def test_login_does_not_replace_the_hash_of_a_password_that_was_just_changed(
    client_of: ClientOf,
) -> None:
    changed = Accounts().by_name["eve"].password_hash

    class Changing(Accounts):
        """The password is changed between the verification and the second load."""

        async def load(self, identifier: str) -> Account | None:
            found = await super().load(identifier)
            loads.append(identifier)
            if len(loads) == 2:
                self.by_name["ada"].password_hash = changed
            return found

    loads: list[str] = []
    accounts = Changing()
    accounts.by_name["ada"].password_hash = _older_hash("ada")
    client = client_of(logins(accounts))

    assert (await login(client)).status_code == 401
    assert accounts.by_name["ada"].password_hash == changed
    assert accounts.saved == []


@pytest.mark.parametrize("is_session", [False, True])
@pytest.mark.parametrize("event", ["AUTHENTICATION_SUCCESS", "LOGIN_SUCCESS"])
async def test_login_with_old_password_does_not_survive_a_logout_meanwhile(
    client_of: ClientOf, is_session: bool, event: str
) -> None:
    application = logins()
    client = client_of(application)

    class Change:
        """The user changes the password on another device."""

        @observe(SecurityEvents[event])
        async def log_out(self, event: Event) -> None:
            await application.injector.get(Security).logout("ada")

    application.listeners = (*application.listeners, Change())

    assert (await login(client, session=is_session)).status_code == 401
    assert (await client.http("note_mine")).status_code == 401


async def test_session_login_ends_if_a_logout_comes_before_it_is_stored(
    client_of: ClientOf,
) -> None:
    application = logins()
    client = client_of(application)

    class LogOut:
        @observe(KernelEvents.KERNEL_RESPONSE)
        async def log_out(self, event: ResponseEvent) -> None:
            if event.request.route_name == "security_login":
                await application.injector.get(Security).logout("ada")

    application.listeners = (*application.listeners, LogOut())

    assert (await login(client, session=True)).status_code == 401
    assert (await client.http("note_mine")).status_code == 401


async def test_login_sends_its_events_in_the_order_of_rxstack(client_of: ClientOf) -> None:
    client = client_of(logins())
    await client.__aenter__()
    seen: list[str] = []
    for name in SecurityEvents:

        async def record(event: Event, name: str = name) -> None:
            seen.append(name.removeprefix("security."))

        client.dispatcher.add_listener(name, record)

    first = await login(client)
    assert seen == [
        "authentication.success",
        "login.success",
        "token.created",
        "token.encoded",
    ]
    seen.clear()
    second = await refresh(client, first.content["refreshToken"])
    assert seen == ["refresh_token.success", "token.created", "token.encoded"]
    seen.clear()
    body = {"refreshToken": second.content["refreshToken"]}
    await client.http("security_logout", body=body)
    assert seen == ["revoked", "revoked", "logout.success"]
    seen.clear()
    await login(client, password="wrong")
    assert seen == ["authentication.failure"]


async def test_listener_that_raises_refuses_the_login(client_of: ClientOf) -> None:
    client = client_of(logins())
    await client.__aenter__()

    async def refuse(event: LoginEvent) -> None:
        assert event.identifier == "ada"
        raise ForbiddenException("closed")

    client.dispatcher.add_listener(SecurityEvents.LOGIN_SUCCESS, refuse)

    assert (await login(client)).status_code == 403


@pytest.mark.parametrize("failure", [RuntimeError("down"), ServiceUnavailableException()])
async def test_failure_of_the_user_provider_is_not_401(
    client_of: ClientOf, failure: Exception
) -> None:
    accounts = Accounts()
    client = client_of(logins(accounts, throttling=ThrottlingSettings(attempts=1)))
    first = await login(client)
    accounts.failure = failure
    status = getattr(failure, "status_code", 500)

    for _ in range(3):  # not counted as failed logins
        assert (await login(client)).status_code == status
    assert (await refresh(client, first.content["refreshToken"])).status_code == status
    assert await mine(client, first) == status

    accounts.failure = None
    assert (await login(client)).status_code == 200
    assert (await refresh(client, first.content["refreshToken"])).status_code == 200


# --- refresh


async def test_refresh_rotates_and_reads_the_roles_again(client_of: ClientOf) -> None:
    accounts = Accounts()
    client = client_of(logins(accounts))
    first = await login(client)
    accounts.by_name["ada"].roles.append("editor")

    second = await refresh(client, first.content["refreshToken"])

    assert second.status_code == 200
    assert second.content["refreshToken"] != first.content["refreshToken"]
    roles = await client.http("note_roles", headers=bearer(second))
    assert roles.content == ["editor"]
    assert (await client.http("note_secret", headers=bearer(first))).status_code == 200
    assert (await client.http("note_secret", headers=bearer(second))).status_code == 403


async def test_second_tab_within_the_grace_time_gets_its_own_token(client_of: ClientOf) -> None:
    client = client_of(logins())
    token = (await login(client)).content["refreshToken"]

    tabs = await asyncio.gather(refresh(client, token), refresh(client, token))

    assert [tab.status_code for tab in tabs] == [200, 200]
    for tab in tabs:
        assert (await refresh(client, tab.content["refreshToken"])).status_code == 200


async def test_reuse_ends_the_login_with_all_its_tokens(client_of: ClientOf) -> None:
    """RFC 9700 §4.14.2. Tokens that were made after the stolen one end too."""
    client = client_of(logins(tokens=TokenSettings(secret=SECRET, reuse_grace=0)))
    other = await login(client)
    first = await login(client)
    second = await refresh(client, first.content["refreshToken"])
    assert await mine(client, second) == "ada"

    assert (await refresh(client, first.content["refreshToken"])).status_code == 401

    assert await mine(client, first) == 401
    assert await mine(client, second) == 401
    assert (await refresh(client, second.content["refreshToken"])).status_code == 404
    assert await mine(client, other) == "ada"
    assert (await refresh(client, other.content["refreshToken"])).status_code == 200


# row 50
@pytest.mark.parametrize("token", ["", "unknown", "x" * 300, "ä"])
async def test_unknown_refresh_token_is_404(client_of: ClientOf, token: str) -> None:
    client = client_of(logins())

    assert (await refresh(client, token)).status_code == 404
    body = {"refreshToken": token}
    assert (await client.http("security_logout", body=body)).status_code == 404


@pytest.mark.parametrize("body", [None, {}, {"refreshToken": 7}, {"refreshToken": None}])
async def test_refresh_with_an_invalid_body_is_422(client_of: ClientOf, body: object) -> None:
    client = client_of(logins())

    assert (await client.http("security_refresh_token", body=body)).status_code == 422


async def test_refresh_of_a_deleted_user_ends_the_login(client_of: ClientOf) -> None:
    accounts = Accounts()
    client = client_of(logins(accounts))
    first = await login(client)
    account = accounts.by_name.pop("ada")

    assert (await refresh(client, first.content["refreshToken"])).status_code == 401

    accounts.by_name["ada"] = account
    assert (await refresh(client, first.content["refreshToken"])).status_code == 404
    assert await mine(client, first) == 401


async def test_refresh_token_expires(client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = TokenSettings(secret=SECRET, refresh_ttl=100, refresh_max_age=150)
    client = client_of(logins(tokens=settings))
    start = time.time()
    now = [start]
    monkeypatch.setattr(time, "time", lambda: now[0])
    unused, first = await login(client), await login(client)

    now[0] = start + 99
    second = await refresh(client, first.content["refreshToken"])
    assert second.status_code == 200
    now[0] = start + 101
    assert (await refresh(client, unused.content["refreshToken"])).status_code == 404
    now[0] = start + 151
    assert (await refresh(client, second.content["refreshToken"])).status_code == 404


# --- logout


# row 51
async def test_logout_with_refresh_token_ends_tokens_and_sockets(client_of: ClientOf) -> None:
    """In RxStack the access token stays valid after this logout."""
    client = client_of(logins())
    first = await login(client)
    async with client.connection(auth={"token": first.content["token"]}) as ada:
        body = {"refreshToken": first.content["refreshToken"]}
        assert (await client.http("security_logout", body=body)).status_code == 204

        assert await mine(client, first) == 401
        await until(lambda: not ada.is_connected)
        assert ada.emitted == [("security_expired", ({"reason": "revoked"},))]
    assert (await client.http("security_logout", body=body)).status_code == 404


async def test_logout_with_access_token_ends_its_login(client_of: ClientOf) -> None:
    client = client_of(logins())
    first, other = await login(client), await login(client)

    assert (await client.http("security_logout", headers=bearer(first))).status_code == 204

    assert await mine(client, first) == 401
    assert (await refresh(client, first.content["refreshToken"])).status_code == 404
    assert await mine(client, other) == "ada"


async def test_logout_without_a_login_is_404(client_of: ClientOf) -> None:
    client = client_of(logins())

    assert (await client.http("security_logout")).status_code == 404
    assert (await client.http("security_logout", body={})).status_code == 404


async def test_logout_with_session_that_has_ended_is_204(client_of: ClientOf) -> None:
    """The page of a browser whose session has expired shows no error when its user logs out."""
    client = client_of(application := logins())
    await login(client, session=True)
    await application.injector.get(Security).logout("ada")

    assert (await client.http("security_logout")).status_code == 204
    assert (await client.http("security_logout")).status_code == 204


async def test_logout_of_a_user_ends_everything_and_allows_a_new_login(
    client_of: ClientOf,
) -> None:
    accounts = Accounts()
    client, browser = client_of(application := logins(accounts)), KernelClient(application)
    first, second, eve = await login(client), await login(client), await login(client, "eve")
    assert (await login(browser, session=True)).status_code == 204
    assert (await browser.http("note_mine")).content == "ada"
    await mine(client, first)  # verified, and kept
    ended: list[LogoutEvent] = []

    async def record(event: LogoutEvent) -> None:
        ended.append(event)

    client.dispatcher.add_listener(SecurityEvents.LOGOUT_SUCCESS, record)
    security = application.injector.get(Security)
    await security.logout(accounts.by_name["ada"])

    for response in (first, second):
        assert await mine(client, response) == 401
        assert (await refresh(client, response.content["refreshToken"])).status_code == 404
    assert (await browser.http("note_mine")).status_code == 401
    assert await mine(client, eve) == "eve"
    assert await mine(client, await login(client)) == "ada"
    assert [(event.identifier, event.is_everywhere) for event in ended] == [("ada", True)]


async def test_login_during_logout_of_the_user_is_refused(client_of: ClientOf) -> None:
    """A login that began before the logout must not survive it."""
    accounts = Accounts()
    client = client_of(application := logins(accounts))
    await client.__aenter__()
    security = application.injector.get(Security)

    async def log_out(event: Event) -> None:
        await security.logout("ada")

    client.dispatcher.add_listener(SecurityEvents.TOKEN_ENCODED, log_out)
    assert (await login(client)).status_code == 401
    store = application.injector.get(TokenStore)  # type: ignore[type-abstract]
    assert len(store) == 0  # type: ignore[arg-type]


async def test_revoke_takes_a_text_or_the_token_of_a_request(client_of: ClientOf) -> None:
    client = client_of(application := logins())
    first, second = await login(client), await login(client)
    security = application.injector.get(Security)

    await security.revoke(first.content["token"])

    assert await mine(client, first) == 401
    assert (await refresh(client, first.content["refreshToken"])).status_code == 404
    assert await mine(client, second) == "ada"


# --- sessions


async def test_session_login_sets_a_cookie_and_logout_ends_it(client_of: ClientOf) -> None:
    client = client_of(logins())

    response = await login(client, session=True)

    assert (response.status_code, response.content) == (204, None)
    assert (await client.http("note_mine")).content == "ada"
    async with client.connection() as ada:
        assert (await client.websocket("note_mine", connection=ada)).content == "ada"
    assert (await client.http("security_logout")).status_code == 204
    assert (await client.http("note_mine")).status_code == 401
    assert (await client.http("security_logout")).status_code == 404


# E9
async def test_session_login_gives_a_new_id(client_of: ClientOf) -> None:
    """Session fixation."""
    client = client_of(logins())
    await login(client, session=True)
    before = dict(client.cookies.sent_to("/"))

    await login(client, "eve", session=True)

    assert dict(client.cookies.sent_to("/")) != before
    assert (await client.http("note_mine")).content == "eve"
    fresh = KernelClient(client.application, cookies=before)
    assert (await fresh.http("note_mine")).status_code == 401


# E8
@pytest.mark.parametrize("name", ["security_login", "security_logout"])
async def test_session_login_and_logout_of_another_site_are_403(
    client_of: ClientOf, name: str
) -> None:
    """The site could log its visitors in as a user of its choice, or out."""
    client = client_of(logins())
    await login(client, session=True)
    body = {"username": "eve", "password": password_of("eve"), "session": True}
    sent = body if name == "security_login" else None

    response = await client.http(name, headers={"Sec-Fetch-Site": "cross-site"}, body=sent)

    assert response.status_code == 403
    assert (await client.http("note_mine")).content == "ada"


async def test_session_login_without_the_bundle_sessions_is_422(client_of: ClientOf) -> None:
    client = client_of(logins(with_sessions=False))

    assert (await login(client, session=True)).status_code == 422
    assert (await login(client)).status_code == 200


# --- settings


async def test_routes_of_logins_that_are_disabled_do_not_exist(client_of: ClientOf) -> None:
    client = client_of(logins(routes=RouteSettings(login=False, logout=False)))
    await client.__aenter__()

    definitions = client.application.kernel.http_definitions
    names = {one.name for one in definitions if one.name.startswith("security_")}
    assert names == {"security_refresh_token"}
    assert definitions["security_refresh_token"].path == "/security/refresh-token"
    assert definitions["security_refresh_token"].method == "POST"


# --- throttling and load


# E10
async def test_failed_logins_are_throttled(client_of: ClientOf) -> None:
    client = client_of(logins(throttling=ThrottlingSettings(attempts=3, window=60)))

    for name in ("ada", "nobody"):
        statuses = [(await login(client, name, password="wrong")).status_code for _ in range(4)]
        assert statuses == [401, 401, 401, 429]
    response = await login(client)
    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= 20


async def test_concurrent_logins_get_tokens_of_their_own_users(client_of: ClientOf) -> None:
    """In RxStack, half of these logins get the refresh token of another user."""
    accounts = Accounts()
    names = [f"user-{index}" for index in range(40)]
    for name in names:
        accounts.add(name)
    limits = ThrottlingSettings(address_attempts=1000)
    client = client_of(logins(accounts, throttling=limits))

    for _ in range(20):
        responses = await asyncio.gather(*(login(client, name) for name in names))
        assert await asyncio.gather(*(mine(client, one) for one in responses)) == names
        tokens = [one.content["refreshToken"] for one in responses]
        again = await asyncio.gather(*(refresh(client, token) for token in tokens))
        assert await asyncio.gather(*(mine(client, one) for one in again)) == names


@pytest.mark.parametrize("users", [400, pytest.param(2000, marks=pytest.mark.soak)])
async def test_many_logins_leave_no_listeners_and_no_memory(
    users: int, client_of: ClientOf
) -> None:
    """RxStack leaks a listener with each login. Here everything that is kept of the users who
    log in is bounded."""
    accounts = Accounts()
    password_hash = accounts.by_name["ada"].password_hash
    for number in range(users):
        accounts.by_name[f"user-{number}"] = Account(f"user-{number}", password_hash)
    settings = TokenSettings(secret=SECRET, max_stored=50, max_cached=50)
    limits = ThrottlingSettings(max_tracked=50)
    client = client_of(application := logins(accounts, tokens=settings, throttling=limits))

    async def log_in(first: int, last: int) -> None:
        for number in range(first, last):
            name = f"user-{number}"
            assert (
                await mine(client, await login(client, name, password=password_of("ada"))) == name
            )

    await log_in(0, 100)
    before = _listeners(client.dispatcher)
    tracemalloc.start()
    try:
        await log_in(100, 200)
        kept = _kept()
        await log_in(200, users)
        assert _kept() < kept + 50_000  # less than a listener for each login
    finally:
        tracemalloc.stop()

    assert _listeners(client.dispatcher) == before
    store = application.injector.get(TokenStore)  # type: ignore[type-abstract]
    assert len(store) == 50  # type: ignore[arg-type]


def _kept() -> int:
    """Bytes that were allocated since `tracemalloc.start` and are in use."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _listeners(dispatcher: AsyncEventDispatcher) -> int:
    return sum(len(dispatcher.get_listeners(name)) for name in dispatcher.event_names())


async def test_no_secret_is_logged_or_shown(
    client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    accounts = Accounts()
    client = client_of(logins(accounts))
    first = await login(client)
    token, refresh_token = first.content["token"], first.content["refreshToken"]
    await refresh(client, refresh_token)
    await login(client, password="s3cret-wrong")
    await login(client, password="s3cret-" * 200)
    await login(client, session=True)
    accounts.failure = RuntimeError("down")
    await login(client)
    await refresh(client, refresh_token)
    accounts.failure = None
    await client.http("note_mine", headers={"Authorization": f"Bearer {token}x"})
    await client.http("security_logout", body={"refreshToken": refresh_token})
    secrets = ("s3cret", token, refresh_token, *client.cookies.sent_to("/").values())

    text = caplog.text + "".join(repr(record.args) for record in caplog.records)
    for secret in secrets:
        assert secret not in text


def test_events_do_not_show_their_user() -> None:
    account = Account("ada", "$argon2id$s3cret")
    events = (AuthenticationEvent("ada", account), LoginEvent(account, "ada"))
    assert all("s3cret" not in repr(event) for event in events)
    assert attrs.has(Account)
