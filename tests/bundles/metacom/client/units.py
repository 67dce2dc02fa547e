"""Units for the tests of the client."""

from injector import inject

from bundles.metacom import METACOM
from rxkernel import Broadcaster, Connection, UnauthorizedException, procedure


class Chat:
    """Versions 1 and 2, and rooms."""

    @inject
    def __init__(self, broadcaster: Broadcaster) -> None:
        self._broadcaster = broadcaster

    @procedure("chat.1/send", METACOM, arguments="value")
    async def send_old(self, text: str) -> int:
        return 1

    @procedure("chat.2/send", METACOM, arguments="value")
    async def send(self, text: str) -> int:
        await self._broadcaster.emit("chat/message", {"text": text}, room="tea")
        return 2

    @procedure("chat.2/subscribe", METACOM)
    async def subscribe(self, connection: Connection) -> None:
        await connection.join("tea")

    @procedure("chat.2/on", METACOM)
    async def on(self) -> str:
        return "the method on"


class Account:
    """A session that belongs to one connection."""

    def __init__(self) -> None:
        self._users: dict[str, str] = {}

    @procedure("account/restore", METACOM, arguments="value")
    async def restore(self, connection: Connection, token: str) -> None:
        self._users[connection.id] = token.removeprefix("token of ")

    @procedure("account/me", METACOM)
    async def me(self, connection: Connection) -> str:
        if connection.id not in self._users:
            raise UnauthorizedException("sign in")
        return self._users[connection.id]
