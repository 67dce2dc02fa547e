"""The accounts of the sample application: sign-up, sign-in, sign-out and private tasks."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from app.accounts import Accounts
from app.tables import Account
from bundles.security import PasswordSettings
from bundles.security.pytest_plugin import CheckAccess
from rxkernel import KernelClient, Response, StreamResponse
from rxkernel.pytest_plugin import ClientOf
from tests.app.board import SECURITY, board_of

ADA, BOB = (Account(username=name, password_hash="") for name in ("ada", "bob"))
FORM = {"username": "ada", "password": "correct horse"}
SESSION = {**FORM, "session": True}


@pytest.fixture
def client(client_of: ClientOf, tmp_path: Path) -> KernelClient:
    return client_of(board_of(tmp_path))


@pytest.fixture(params=["http", "websocket"])
def transport(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


async def sign_up(client: KernelClient, *names: str) -> None:
    """Create accounts; their sessions end again, so that *client* has no account."""
    for name in names:
        created = await client.http("account_create", body={**FORM, "username": name})
        assert created.status_code == 201
        assert (await client.http("security_logout")).status_code == 204


async def test_renewed_password_hash_after_another_change_is_not_saved(
    client: KernelClient,
) -> None:
    await sign_up(client, "ada")
    accounts = client.application.injector.get(Accounts)
    ada = await accounts.load("ada")
    assert ada is not None

    await accounts.save_password_hash(ada, "renewed", "another")
    assert await stored_hash(accounts) == ada.password_hash
    await accounts.save_password_hash(ada, "renewed", ada.password_hash)
    assert await stored_hash(accounts) == "renewed"


async def stored_hash(accounts: Accounts) -> str:
    ada = await accounts.load("ada")
    assert ada is not None
    return ada.password_hash


async def test_sign_up_signs_in(client: KernelClient) -> None:
    created = await client.http("account_create", body=FORM)

    assert created.status_code == 201
    assert created.content.username == "ada"
    assert (await client.http("account_show")).content.username == "ada"


async def test_sign_in_and_out_with_cookie(client: KernelClient) -> None:
    await sign_up(client, "ada")
    assert (await client.http("account_show")).content is None

    assert (await client.http("security_login", body=SESSION)).status_code == 204
    async with client.connection() as socket:
        shown = await client.websocket("account_show", connection=socket)
        assert shown.content.username == "ada"

        assert (await client.http("security_logout")).status_code == 204

        assert not socket.is_connected
        assert ("security_expired", ({"reason": "revoked"},)) in socket.emitted
    assert (await client.http("account_show")).content is None


async def test_sign_in_with_token(client: KernelClient) -> None:
    await sign_up(client, "ada")

    token = (await client.http("security_login", body=FORM)).content["token"]

    bearer = {"Authorization": f"Bearer {token}"}
    assert (await client.http("account_show", headers=bearer)).content.username == "ada"
    async with client.connection(auth={"token": token}) as socket:
        shown = await client.websocket("account_show", connection=socket)
    assert shown.content.username == "ada"


async def test_sign_in_wrong_password_is_401(client: KernelClient) -> None:
    await sign_up(client, "ada")
    wrong = {**SESSION, "password": "wrong"}

    assert (await client.http("security_login", body=wrong)).status_code == 401
    assert (await client.http("account_show")).content is None


async def test_sign_up_taken_name_is_409(client: KernelClient) -> None:
    await sign_up(client, "ada")

    response = await client.http("account_create", body={**FORM, "password": "another one"})

    assert (response.status_code, response.content["code"]) == (409, "username_taken")
    assert (await client.http("account_show")).content is None
    assert (await client.http("security_login", body=FORM)).status_code == 200


async def test_sign_up_from_another_site_is_403_and_creates_no_account(
    client: KernelClient,
) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}

    response = await client.http("account_create", body=FORM, headers=headers)

    assert (response.status_code, response.content["code"]) == (403, "cross_site")
    assert (await client.http("security_login", body=FORM)).status_code == 401


async def test_sign_ups_of_one_address_are_limited(client: KernelClient) -> None:
    statuses = [
        (await client.http("account_create", body={**FORM, "username": f"ada{n}"})).status_code
        for n in range(11)
    ]
    response = await client.http("account_create", body={**FORM, "username": "eve"})

    assert statuses == [201] * 10 + [429]
    assert response.content["code"] == "too_many_sign_ups"
    assert int(response.headers["Retry-After"]) > 0
    assert (await client.http("security_login", body=FORM)).status_code == 401


@pytest.mark.parametrize(
    ("field", "value"),
    [("username", value) for value in ("", "Ada", "a" * 31, "a b", "ada\n", None)]
    + [("password", value) for value in ("", "seven77", "x" * 1025, None)],
)
async def test_sign_up_invalid_input_is_422(client: KernelClient, field: str, value: Any) -> None:
    response = await client.http("account_create", body={**FORM, field: value})

    assert response.status_code == 422
    assert "correct horse" not in str(response.content)


async def test_old_password_hash_is_replaced_at_sign_in(tmp_path: Path) -> None:
    """A hash with another cost is old; the same password is accepted before and after."""
    async with KernelClient(board_of(tmp_path)) as client:
        await sign_up(client, "ada")
    application = board_of(tmp_path)
    costs = PasswordSettings(memory=128, iterations=1)
    security = attrs.evolve(SECURITY, passwords=costs)
    bundles = {**application.settings.bundles, "security": security}
    application.settings = attrs.evolve(application.settings, bundles=bundles)

    async with KernelClient(application) as client:
        accounts = application.injector.get(Accounts)
        for _ in range(2):
            assert (await client.http("security_login", body=FORM)).status_code == 200
            account = await accounts.load("ada")
            assert account is not None
            assert "$m=128,t=1," in account.password_hash


async def test_private_task_is_shown_to_its_owner_only(
    client: KernelClient, transport: str
) -> None:
    await sign_up(client, "ada", "bob")
    clients = [client.as_user(ADA), client.as_user(BOB), client]
    ada, bob, nobody = (getattr(one, transport) for one in clients)

    created = await ada("task_create_private", body={"title": "mine"})

    assert (created.status_code, created.content.owner) == (201, "ada")
    id = {"id": created.content.id}
    assert (await ada("task_list")).content == [created.content]
    for ask in (bob, nobody):
        assert (await ask("task_list")).content == []
        for name in ("task_show", "task_change", "task_delete"):
            response = await ask(name, params=id, body={"done": True})
            assert (response.status_code, response.content["code"]) == (404, "task_not_found")
    assert (await ada("task_change", params=id, body={"done": True})).content.done
    assert (await ada("task_delete", params=id)).status_code == 204


async def test_private_task_without_account_is_401(client: KernelClient, transport: str) -> None:
    """The access rule is checked before the body, which has an error here."""
    response = await getattr(client, transport)("task_create_private", body={"title": ""})

    assert response.status_code == 401


async def test_csv_download_contains_own_private_tasks_only(client: KernelClient) -> None:
    await sign_up(client, "ada")
    ada = client.as_user(ADA)
    await ada.http("task_create_private", body={"title": "mine"})

    async def text_of(response: Response) -> str:
        assert isinstance(response, StreamResponse)
        return "".join([str(piece) async for piece in response.content])

    assert "mine" in await text_of(await ada.http("task_csv"))
    assert "mine" not in await text_of(await client.http("task_csv"))


async def test_private_task_is_pushed_to_sockets_of_its_owner(client: KernelClient) -> None:
    await sign_up(client, "ada", "bob")
    ada, bob = client.as_user(ADA), client.as_user(BOB)
    async with (
        ada.connection() as author,
        ada.connection() as other,
        bob.connection() as stranger,
        client.connection() as nobody,
    ):
        body = {"title": "mine"}
        task = await ada.websocket("task_create_private", body=body, connection=author)
        id = {"id": task.content.id}
        await ada.http("task_change", params=id, body={"done": True})
        await ada.http("task_delete", params=id)

    assert [event for event, _ in other.emitted] == [
        "task_created",
        "task_changed",
        "task_deleted",
    ]
    assert [event for event, _ in author.emitted] == ["task_changed", "task_deleted"]
    assert stranger.emitted == nobody.emitted == []


async def test_socket_gets_private_tasks_only_while_authenticated(client: KernelClient) -> None:
    await sign_up(client, "ada")
    token = (await client.http("security_login", body=FORM)).content["token"]
    ada = client.as_user(ADA)
    bearer = {"bearer": token}
    async with client.connection() as socket:
        await ada.http("task_create_private", body={"title": "before"})
        await client.websocket("security_authenticate", params=bearer, connection=socket)
        await ada.http("task_create_private", body={"title": "meanwhile"})
        await client.websocket("security_unauthenticate", connection=socket)
        await ada.http("task_create_private", body={"title": "afterwards"})

    assert [task["title"] for _, (task,) in socket.emitted] == ["meanwhile"]


async def test_access_rules_are_the_same_over_both_transports(
    access_matrix: CheckAccess, client: KernelClient, tmp_path: Path
) -> None:
    await sign_up(client, "ada")
    await client.close()

    rows = await access_matrix(board_of(tmp_path), users=["ada"])

    guarded = {row.route for row in rows if row.verdict == 401 and row.client == "no credential"}
    assert guarded == {"task_create_private"}
