"""`Security.logout`: what has ended when it returns, also while a store is unavailable."""

import asyncio
from typing import Any

import pytest
from injector import inject

from bundles.security import CurrentUser, Security
from bundles.security.tokens.store import TokenStore
from bundles.sessions import SessionStore
from rxkernel import KernelClient, ServiceUnavailableException, both
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.security.logins import Account, login, logins
from tests.waiting import until


async def fail(*_: object) -> None:
    raise ServiceUnavailableException("down")


async def token_of_login(client: KernelClient) -> str:
    token: str = (await login(client)).content["token"]
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
    await login(client, session=True)
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


async def test_logout_has_ended_sockets_with_token_or_session_when_it_returns(
    client_of: ClientOf,
) -> None:
    client = client_of(application := logins())
    token = await token_of_login(client)
    await login(client, session=True)
    with_token = KernelClient(application).connection(auth={"token": token})
    async with with_token, client.connection() as with_session:
        await application.injector.get(Security).logout("ada")

        for socket in (with_token, with_session):
            assert not socket.is_connected
            assert socket.emitted == [("security_expired", ({"reason": "revoked"},))]


class Everywhere:
    @inject
    def __init__(self, security: Security) -> None:
        self._security = security
        self.connected: list[bool] = []
        self.sockets: list[Any] = []
        self.go_on = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    @both("POST", "/everywhere", "everywhere")
    async def logout(self, user: CurrentUser[Account]) -> None:
        await self._security.logout(user)
        self.connected = [socket.is_connected for socket in self.sockets]

    @both("POST", "/later", "later")
    async def later(self, user: CurrentUser[Account]) -> None:
        self.task = asyncio.create_task(self._later(user))

    async def _later(self, user: Account) -> None:
        await self.go_on.wait()
        await self._security.logout(user)


async def logged_in(
    client_of: ClientOf, with_session: bool
) -> tuple[KernelClient, Any, Everywhere]:
    """A client that has logged in; the ``auth`` of its sockets, None with a session, whose cookie
    is sent; and the actions that it calls."""
    application = logins()
    application.controllers = (*application.controllers, Everywhere)
    client = client_of(application)
    response = await login(client, session=with_session)
    auth = None if with_session else {"token": response.content["token"]}
    return client, auth, application.injector.get(Everywhere)


@pytest.mark.parametrize("with_session", [False, True])
async def test_logout_by_event_ends_own_socket_after_response_and_others_before(
    client_of: ClientOf, with_session: bool
) -> None:
    client, auth, actions = await logged_in(client_of, with_session)
    async with (
        client.connection(auth=auth) as own,
        client.connection(auth=auth) as other,
    ):
        actions.sockets = [own, other]
        assert (await client.websocket("everywhere", connection=own)).status_code == 200
        assert actions.connected == [True, False]
        await until(lambda: not own.is_connected)


@pytest.mark.parametrize("with_session", [False, True])
async def test_logout_in_task_that_outlives_its_event_ends_its_socket(
    client_of: ClientOf, with_session: bool
) -> None:
    client, auth, actions = await logged_in(client_of, with_session)
    async with client.connection(auth=auth) as own:
        assert (await client.websocket("later", connection=own)).status_code == 200
        assert own.is_connected
        actions.go_on.set()
        assert actions.task is not None
        await actions.task
        assert not own.is_connected
