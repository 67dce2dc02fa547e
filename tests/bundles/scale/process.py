"""A process of an application, for a test that kills it: ``python -m … REDIS_URL PREFIX``."""

import asyncio
import sys
from typing import Annotated, Any

from bundles.redis import RedisBundle, RedisSettings
from bundles.scale import Member, Presence, ScaleBundle, ScaleSettings
from bundles.security import SecurityBundle, SecuritySettings, TokenSettings
from rxkernel import Application, Connection, HttpSettings, Inject, Settings, websocket
from tests.bundles.security.logins import CHEAP, Accounts, Notes
from tests.bundles.security.logins import SECRET as TOKEN_SECRET

SECRET = "the secret of the tests, which is long"
QUICK: dict[str, Any] = {
    "heartbeat_interval": 0.1,
    "heartbeat_timeout": 0.5,
    "request_timeout": 5.0,
}


class Rooms:
    """Clients enter and leave rooms. An event has one value."""

    @websocket("enter", arguments="value")
    async def enter(
        self,
        connection: Connection,
        presence: Annotated[Presence, Inject()],
        room: str,
        user: str,
        data: str | None = None,
    ) -> list[Member]:
        await connection.join(room)
        await presence.enter(connection, room, user, data)
        return presence.members(room, connection.namespace)

    @websocket("leave", arguments="value")
    async def leave(
        self, connection: Connection, presence: Annotated[Presence, Inject()], room: str
    ) -> None:
        await presence.leave(connection, room)


def application_on(url: str, prefix: str) -> Application:
    """An application with accounts, whose tokens are in Redis."""
    scale = ScaleSettings(bus="redis", secret=SECRET, **QUICK)
    tokens = TokenSettings(secret=TOKEN_SECRET, store="redis")
    bundles = {
        "redis": RedisSettings(url=url, prefix=prefix),
        "scale": scale,
        "security": SecuritySettings(passwords=CHEAP, tokens=tokens),
    }
    return Application(
        bundles=[RedisBundle, ScaleBundle, SecurityBundle(Accounts(), access="public")],
        controllers=[Notes, Rooms],
        settings=Settings(http=HttpSettings(port=0, max_connections=2000), bundles=bundles),
    )


async def main(url: str, prefix: str) -> None:
    application = application_on(url, prefix)
    await application.start()
    sys.stdout.write(f"{application.servers['socketio'].url}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
