"""Sessions that endpoints start, restore and finish by their token."""

from typing import Any

import pytest

from rxkernel import KernelClient, RecordingConnection, Response
from tests.bundles.autoload.conftest import Folder
from tests.bundles.autoload.sign_in import BUNDLES, FILES, SECURITY


async def boot(folder: Folder) -> KernelClient:
    return KernelClient(await folder.boot(FILES, bundles=BUNDLES, sections={"security": SECURITY}))


class Caller:
    """One client over one transport."""

    def __init__(self, client: KernelClient, transport: str) -> None:
        self._client = KernelClient(client.application)  # with its own cookies
        self.connection: RecordingConnection | None = None
        if transport == "websocket":
            self.connection = client.connection()

    async def respond(self, name: str, /, **body: Any) -> Response:
        if self.connection is None:
            return await self._client.http(name, body=body)
        return await self._client.websocket(name, body=body, connection=self.connection)

    async def __call__(self, name: str, /, **body: Any) -> Any:
        response = await self.respond(name, **body)
        return response.content if response.status_code < 300 else response.status_code


TRANSPORTS = pytest.mark.parametrize("transport", ["http", "websocket"])


# T36, T39
@TRANSPORTS
@pytest.mark.parametrize("sign_in", ["auth/sign_in", "auth/through_code"])
async def test_calls_after_sign_in_see_the_session(
    folder: Folder, transport: str, sign_in: str
) -> None:
    """Over HTTP, the session is found by its cookie."""
    call = Caller(await boot(folder), transport)

    assert await call("counter/add") == 401
    token = await call(sign_in, name="ada")
    assert len(token) == 43
    assert [await call("counter/add"), await call("counter/add")] == [1, 2]


# T37
@TRANSPORTS
@pytest.mark.parametrize("other", ["http", "websocket"])
async def test_restored_token_gives_the_same_session(
    folder: Folder, transport: str, other: str
) -> None:
    client = await boot(folder)
    first, second = Caller(client, transport), Caller(client, other)
    token = await first("auth/sign_in", name="ada")
    assert await first("counter/add") == 1

    assert await second("auth/restore", token="unknown") is False
    assert await second("counter/add") == 401
    assert await second("auth/restore", token=token) is True
    assert await second("counter/add") == 2
    assert await first("counter/add") == 3


# T38
@TRANSPORTS
async def test_sign_out_ends_the_session_for_all_that_share_it(
    folder: Folder, transport: str
) -> None:
    client = await boot(folder)
    first, second, third = (Caller(client, t) for t in (transport, "http", "websocket"))
    token = await first("auth/sign_in", name="ada")
    for other in (second, third):
        assert await other("auth/restore", token=token) is True

    assert await first("auth/sign_out") is None

    assert await first("counter/add") == 401
    assert await second("counter/add") == 401
    assert third.connection is not None
    assert not third.connection.is_connected
    assert first.connection is None or first.connection.is_connected
    assert await first("auth/restore", token=token) is False
    assert len(await first("auth/sign_in", name="ada")) == 43
    assert await first("counter/add") == 1


@TRANSPORTS
async def test_session_of_a_user_gives_the_client_its_identity(
    folder: Folder, transport: str
) -> None:
    client = await boot(folder)
    first, second = Caller(client, transport), Caller(client, transport)
    token = await first("auth/log_in", name="ada")
    assert await first("counter/who") == ["ada", "ada"]
    assert await second("counter/who") == 401

    assert await second("auth/restore", token=token) is True
    assert await second("counter/who") == ["ada", "ada"]
    await second("auth/sign_out")
    assert await second("counter/who") == 401
    assert first.connection is None or not first.connection.is_connected


async def test_session_methods_without_the_bundle_sessions_are_an_error(folder: Folder) -> None:
    client = KernelClient(
        await folder.boot(
            {
                "api/auth.py": """
                from bundles.autoload import Context

                access = "public"

                async def start(context: Context): await context.start_session({})
                """
            }
        ),
    )

    response = await client.http("auth/start")

    assert response.status_code == 500
