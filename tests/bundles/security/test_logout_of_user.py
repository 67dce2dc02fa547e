"""`Security.logout` while a store cannot be used."""

import pytest

from bundles.security import Security
from bundles.security.token_store import TokenStore
from bundles.sessions import SessionStore
from rxkernel import KernelClient, ServiceUnavailableException
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.security.logins import logins, password_of
from tests.waiting import until


async def fail(*_: object) -> None:
    raise ServiceUnavailableException("down")


async def token_of_login(client: KernelClient) -> str:
    body = {"username": "ada", "password": password_of("ada")}
    token: str = (await client.http("security_login", body=body)).content["token"]
    return token


async def test_logout_while_sessions_fail_ends_tokens(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(application := logins())
    headers = {"Authorization": f"Bearer {await token_of_login(client)}"}
    assert (await client.http("note_mine", headers=headers)).content == "ada"
    store = application.injector.get(SessionStore)  # type: ignore[type-abstract]
    monkeypatch.setattr(store, "end_all", fail)

    with pytest.raises(ServiceUnavailableException):
        await application.injector.get(Security).logout("ada")

    assert (await client.http("note_mine", headers=headers)).status_code == 401


async def test_logout_while_tokens_fail_ends_sessions_sockets_and_verified_tokens(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(application := logins())
    token = await token_of_login(client)
    body = {"username": "ada", "password": password_of("ada"), "session": True}
    await client.http("security_login", body=body)
    store = application.injector.get(TokenStore)  # type: ignore[type-abstract]
    async with client.connection(auth={"token": token}) as socket:
        assert (await client.websocket("note_mine", connection=socket)).content == "ada"
        for method in ("end_user", "is_revoked"):
            monkeypatch.setattr(store, method, fail)

        with pytest.raises(ServiceUnavailableException):
            await application.injector.get(Security).logout("ada")

        await until(lambda: not socket.is_connected)
        assert (await client.http("note_mine")).status_code == 401  # the session
        headers = {"Authorization": f"Bearer {token}"}
        assert (await client.http("note_mine", headers=headers)).status_code == 503
