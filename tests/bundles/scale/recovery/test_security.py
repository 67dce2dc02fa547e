"""Recovery of clients with users, as the bundle `security` knows them."""

from collections.abc import AsyncIterator

import pytest

from bundles.scale import RecoverySettings, ScaleBundle, ScaleSettings
from bundles.security import (
    Security,
    SecurityBundle,
    SecuritySettings,
    TokenSettings,
    access,
)
from rxkernel import Application, Broadcaster, HttpSettings, Request, Settings, websocket
from tests.bundles.scale.recovery.recovering import Recovering, Rooms, recovering
from tests.bundles.security.shop import SECRET, Accounts, token_of
from tests.servers.socketio.clients import opened
from tests.serving import serving


@access("public")
class OpenRooms(Rooms):
    @websocket("whoami")
    async def whoami(self, request: Request) -> str | None:
        return None if request.user is None else str(request.user.username)


@pytest.fixture
async def application() -> AsyncIterator[Application]:
    tokens = TokenSettings(secret=SECRET, leeway=0)
    application = Application(
        bundles=[ScaleBundle, SecurityBundle(Accounts)],
        controllers=[OpenRooms],
        listeners=[OpenRooms],
        settings=Settings(
            http=HttpSettings(port=0),
            bundles={
                "scale": ScaleSettings(recovery=RecoverySettings(store="memory")),
                "security": SecuritySettings(tokens=tokens),
            },
        ),
    )
    async with serving(application):
        yield application


async def lost_client_of(application: Application, user: str) -> Recovering:
    """A client of *user* in a room, which lost its transport and misses an event."""
    async with recovering(application, token=token_of(user)) as one:
        await one.call("join", "secrets")
        await one.hang_up(application)
    await application.injector.get(Broadcaster).emit("missed", room="secrets")
    return one


async def test_same_user_with_another_token_recovers(application: Application) -> None:
    one = await lost_client_of(application, "ada")

    async with recovering(application, pid=one.pid, token=token_of("ada")) as again:
        assert again.sid == one.sid
        assert await again.event() == ["missed"]
        assert (await again.call("whoami", None))[0]["content"] == "ada"


@pytest.mark.parametrize("user", ["eve", None])
async def test_client_of_another_user_does_not_recover(
    application: Application, user: str | None
) -> None:
    one = await lost_client_of(application, "ada")
    auth = {} if user is None else {"token": token_of(user)}

    async with recovering(application, pid=one.pid, **auth) as other:
        assert other.sid != one.sid
        assert (await other.call("whoami", None))[0]["content"] == user
        recovered, rooms, _, _ = application.injector.get(OpenRooms).connected[-1]
        assert not recovered
        assert "secrets" not in rooms

    async with recovering(application, pid=one.pid, token=token_of("ada")) as again:
        assert again.sid == one.sid


async def test_client_with_invalid_token_is_refused_and_may_recover_afterwards(
    application: Application,
) -> None:
    one = await lost_client_of(application, "ada")
    async with opened(application, "websocket") as client:
        await client.send(f'40{{"pid":"{one.pid}","token":"wrong"}}')
        assert str(await client.receive()).startswith("44")

    async with recovering(application, pid=one.pid, token=token_of("ada")) as again:
        assert again.sid == one.sid


async def test_client_whose_token_was_revoked_is_refused(
    application: Application,
) -> None:
    token = token_of("ada")
    async with recovering(application, token=token) as one:
        await one.hang_up(application)
    await application.injector.get(Security).revoke(token)

    async with opened(application, "websocket") as client:
        await client.send(f'40{{"pid":"{one.pid}","token":"{token}"}}')
        assert str(await client.receive()).startswith("44")
