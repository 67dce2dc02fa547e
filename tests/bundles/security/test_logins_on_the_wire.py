"""Logins over a real server, on both paths of HTTP, and with each store of tokens."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bundles.redis import RedisBundle, RedisSettings
from bundles.security import (
    PasswordSettings,
    Security,
    SecurityBundle,
    SecuritySettings,
    TokenSettings,
)
from rxkernel import Application, ConfigurationError, HttpSettings, LoggingSettings, Settings
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.redis_servers import RedisServer
from tests.bundles.security.logins import SECRET, Accounts, Notes, logins, password_of

Send = Any


@asynccontextmanager
async def served(application: Application) -> AsyncIterator[Send]:
    await application.start()
    url = str(application.servers["http"].url)
    try:
        async with aiohttp.ClientSession(
            url, cookie_jar=aiohttp.CookieJar(unsafe=True)
        ) as session:

            async def send(path: str, body: object = None, **options: Any) -> tuple[int, Any]:
                method = "GET" if path.startswith("/notes") else "POST"
                async with session.request(method, path, json=body, **options) as response:
                    text = await response.text()
                    is_json = response.content_type == "application/json"
                    return response.status, json.loads(text) if is_json else text

            yield send
    finally:
        await application.stop()


def form(**changes: object) -> dict[str, object]:
    return {"username": "ada", "password": password_of("ada"), **changes}


@pytest.mark.parametrize("fast_path", [True, False])
async def test_login_refresh_and_logout_over_http(fast_path: bool) -> None:
    async with served(logins(fast_path=fast_path)) as send:
        status, first = await send("/security/login", form())
        assert (status, first.keys()) == (200, {"token", "refreshToken"})
        headers = {"Authorization": f"Bearer {first['token']}"}
        assert await send("/notes/mine", headers=headers) == (200, "ada")

        body = {"refreshToken": first["refreshToken"]}
        status, second = await send("/security/refresh-token", body)
        assert status == 200
        body = {"refreshToken": second["refreshToken"]}
        assert await send("/security/logout", body) == (204, "")
        assert (await send("/notes/mine", headers=headers))[0] == 401
        assert (await send("/security/refresh-token", body))[0] == 404

        assert (await send("/security/login", form(session=True))) == (204, "")
        assert await send("/notes/mine") == (200, "ada")
        assert await send("/security/logout", {}) == (204, "")
        assert (await send("/notes/mine"))[0] == 401

        assert (await send("/security/login"))[0] == 422
        assert (await send("/security/login", form(password="p" * 1_000_000)))[0] == 422
        assert (await send("/security/login", form(password="wrong")))[0] == 401


@pytest.mark.parametrize("fast_path", [True, False])
async def test_no_secret_is_in_the_access_log(
    fast_path: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    application = logins(fast_path=fast_path, logging=LoggingSettings(access=True))
    async with served(application) as send:
        _, tokens = await send("/security/login", form())
        await send("/security/refresh-token", {"refreshToken": tokens["refreshToken"]})
        await send("/notes/mine", headers={"Authorization": f"Bearer {tokens['token']}"})

    assert "/security/login" in caplog.text
    for secret in ("s3cret", *tokens.values()):
        assert secret not in caplog.text


@pytest.mark.parametrize("store", ["memory", "sqlite", "redis"])
async def test_refresh_with_each_store_rotates_the_token(
    client_of: ClientOf, request: pytest.FixtureRequest, tmp_path: Path, store: Any
) -> None:
    tokens = TokenSettings(
        secret=SECRET, store=store, store_file=tmp_path / "tokens.sqlite3", reuse_grace=0
    )
    url = request.getfixturevalue("redis").url if store == "redis" else "redis://127.0.0.1:1"
    client = client_of(_with_redis(url, tokens))

    first = (await client.http("security_login", body=form())).content
    body = {"refreshToken": first["refreshToken"]}
    second = (await client.http("security_refresh_token", body=body)).content
    bearer = {"Authorization": f"Bearer {second['token']}"}
    assert (await client.http("note_mine", headers=bearer)).content == "ada"

    assert (await client.http("security_refresh_token", body=body)).status_code == 401
    assert (await client.http("note_mine", headers=bearer)).status_code == 401


def _with_redis(url: str, tokens: TokenSettings) -> Application:
    security = SecuritySettings(passwords=PasswordSettings(memory=8, iterations=1), tokens=tokens)
    redis = RedisSettings(url=url, command_timeout=0.5, connect_timeout=0.5)
    return Application(
        bundles=[RedisBundle, SecurityBundle(Accounts())],
        controllers=[Notes],
        settings=Settings(
            http=HttpSettings(port=0), bundles={"redis": redis, "security": security}
        ),
    )


async def test_redis_that_is_down_is_503_and_never_anonymous(
    client_of: ClientOf, redis: RedisServer
) -> None:
    tokens = TokenSettings(secret=SECRET, store="redis")
    client = client_of(_with_redis(redis.url, tokens))
    known, unknown = [(await client.http("security_login", body=form())).content for _ in range(2)]

    async def status(tokens: dict[str, str], name: str = "note_mine") -> int:
        headers = {"Authorization": f"Bearer {tokens['token']}"}
        return (await client.http(name, headers=headers)).status_code

    assert await status(known) == 200
    redis.kill()

    assert await status(known) == 200  # verified before
    assert await status(unknown) == 503
    assert await status(unknown, "note_credential") == 503
    assert (await client.http("security_login", body=form())).status_code == 503
    body = {"refreshToken": known["refreshToken"]}
    assert (await client.http("security_refresh_token", body=body)).status_code == 503
    assert (await client.http("security_logout", body=body)).status_code == 503

    redis.start()
    assert await status(unknown) == 200
    assert (await client.http("security_login", body=form())).status_code == 200


# E5
async def test_processes_that_share_a_store_share_ends_of_logins(
    client_of: ClientOf, tmp_path: Path
) -> None:
    """A token that the other process has not verified yet is refused there."""
    tokens = TokenSettings(secret=SECRET, store="sqlite", store_file=tmp_path / "tokens.sqlite3")
    one, other = client_of(logins(tokens=tokens)), client_of(logins(tokens=tokens))
    pairs = [(await one.http("security_login", body=form())).content for _ in range(3)]
    headers = [{"Authorization": f"Bearer {pair['token']}"} for pair in pairs]
    assert (await other.http("note_mine", headers=headers[2])).content == "ada"

    body = {"refreshToken": pairs[0]["refreshToken"]}
    assert (await one.http("security_logout", body=body)).status_code == 204

    assert (await other.http("note_mine", headers=headers[0])).status_code == 401
    assert (await other.http("security_refresh_token", body=body)).status_code == 404
    assert (await other.http("note_mine", headers=headers[1])).content == "ada"
    await one.application.injector.get(Security).logout("ada")
    for sent in headers[:2]:
        assert (await one.http("note_mine", headers=sent)).status_code == 401
    body = {"refreshToken": pairs[1]["refreshToken"]}
    assert (await other.http("security_refresh_token", body=body)).status_code == 404


async def test_store_in_memory_with_workers_is_a_configuration_error() -> None:
    """Each worker would have logins of its own."""
    security = SecuritySettings(tokens=TokenSettings(secret=SECRET))
    application = Application(
        bundles=[SecurityBundle(Accounts())],
        settings=Settings(http=HttpSettings(reuse_port=True), bundles={"security": security}),
    )
    with pytest.raises(ConfigurationError, match="other workers cannot read"):
        await application.boot()


async def test_event_loop_runs_during_logins(client_of: ClientOf) -> None:
    """The cost is the default. A loop that each login blocks ticks a few times only."""
    security = SecuritySettings(tokens=TokenSettings(secret=SECRET))
    accounts = Accounts()
    client = client_of(
        Application(
            bundles=[SecurityBundle(accounts)], settings=Settings(bundles={"security": security})
        )
    )
    await client.http("security_login", body=form())  # replaces the cheap hash
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    ticking = asyncio.create_task(tick())
    responses = await asyncio.gather(
        *(client.http("security_login", body=form()) for _ in range(4))
    )
    ticking.cancel()

    assert {response.status_code for response in responses} == {200}
    assert ticks > 20
