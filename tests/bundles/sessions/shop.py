"""An application with sessions, for the tests."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import attrs

from bundles.clock import Clock
from bundles.redis import RedisSettings
from bundles.sessions import CurrentSession, SessionEndedEvent, SessionEvents, SessionsSettings
from rxkernel import (
    Application,
    Bundle,
    ConflictException,
    HttpSettings,
    KernelClient,
    Response,
    Settings,
    StreamResponse,
    Transport,
    both,
    http,
    observe,
    procedure,
)
from tests.bundles.sessions.stores import NOW

RPC = Transport("SESSIONS-TEST")


class RpcBundle(Bundle):
    """A transport of procedures without connections."""

    name = "rpc"
    transports = (RPC,)


class FakeClock(Clock):
    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> float:
        return self.time


class Shop:
    def __init__(self) -> None:
        self.begun: asyncio.Queue[None] = asyncio.Queue()
        self.go_on = asyncio.Event()

    @both("GET", "/get", "get")
    @procedure("get", RPC)
    async def get(self, session: CurrentSession) -> dict[str, Any]:
        return dict(session)

    @both("GET", "/about", "about")
    async def about(self, session: CurrentSession) -> list[Any]:
        return [session.id, session.is_new, session.user]

    @both("POST", "/put", "put")
    @procedure("put", RPC)
    async def put(self, name: str, value: str, session: CurrentSession) -> dict[str, Any]:
        session[name] = value
        return dict(session)

    @both("POST", "/add", "add")
    async def add(self, value: int, session: CurrentSession) -> None:
        session.setdefault("list", []).append(value)

    @both("POST", "/remove", "remove")
    async def remove(self, name: str, session: CurrentSession) -> None:
        del session[name]

    @both("POST", "/fail", "fail")
    async def fail(self, session: CurrentSession) -> None:
        session["lost"] = 1
        await session.rotate(user="lost")
        raise ConflictException("no")

    @both("POST", "/reject", "reject")
    async def reject(self, session: CurrentSession) -> Response:
        session["kept"] = 1
        return Response("no", 409)

    @both("POST", "/login", "login")
    async def login(self, user: str, session: CurrentSession) -> None:
        await session.rotate(user=user)

    @both("POST", "/rotate", "rotate")
    async def rotate(self, session: CurrentSession) -> None:
        await session.rotate()

    @both("POST", "/logout", "logout")
    async def logout(self, session: CurrentSession) -> str:
        await session.destroy()
        return "bye"

    @both("POST", "/goodbye", "goodbye")
    async def goodbye(self, session: CurrentSession) -> None:
        await session.destroy()
        session["message"] = "bye"

    @both("POST", "/slow", "slow")
    async def slow(self, name: str, session: CurrentSession) -> None:
        session[name] = True
        self.begun.put_nowait(None)
        await self.go_on.wait()

    @both("GET", "/plain", "plain")
    async def plain(self) -> str:
        return "plain"

    @http("GET", "/stream", "stream")
    async def stream(self, session: CurrentSession) -> StreamResponse:
        session["before"] = 1

        async def pieces() -> AsyncIterator[bytes]:
            yield str(session["before"]).encode()
            session["after"] = 1

        return StreamResponse(pieces())


class Ended:
    """Records the ended sessions."""

    def __init__(self) -> None:
        self.all: list[SessionEndedEvent] = []

    @observe(SessionEvents.ENDED)
    async def note(self, event: SessionEndedEvent) -> None:
        self.all.append(event)

    @property
    def reasons(self) -> list[str]:
        return [str(event.reason) for event in self.all]


@attrs.define(eq=False)
class Site:
    """The application of one test, with the objects that the test reads."""

    settings: SessionsSettings
    redis_url: str
    shop: Shop = attrs.field(factory=Shop)
    ended: Ended = attrs.field(factory=Ended)
    clock: FakeClock = attrs.field(factory=FakeClock)

    def application(self, *controllers: Any, listeners: Any = (), **http: Any) -> Application:
        own: dict[str, object] = {"sessions": self.settings}
        bundles: list[str | type[Bundle]] = ["sessions", RpcBundle]
        if self.settings.store == "redis":
            own["redis"] = RedisSettings(url=self.redis_url)
            bundles.insert(0, "redis")
        return Application(
            bundles=bundles,
            controllers=[self.shop, *controllers],
            listeners=[self.ended, *listeners],
            modules=[lambda binder: binder.bind(Clock, to=self.clock)],
            settings=Settings(
                http=HttpSettings(port=0, **http), bundles=own, shutdown_timeout=20.0
            ),
        )

    def client(self, **options: Any) -> KernelClient:
        return KernelClient(self.application(), **options)
