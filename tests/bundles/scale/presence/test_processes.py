"""Presence in several processes, which end, stop, and lose messages."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import socketio

from bundles.scale import Member, Presence
from rxkernel import Application, Broadcaster
from tests.bundles.redis_servers import RedisServer
from tests.bundles.scale.conftest import Process, Site, SiteOf
from tests.bundles.scale.process import QUICK, Rooms
from tests.waiting import until


class Guest:
    """A client, and the events of presence that it has received: ``+ada`` and ``-ada``."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.events: list[str] = []
        self.client.on("presence.join", self._joined)
        self.client.on("presence.leave", self._left)

    def _joined(self, content: dict[str, Any]) -> None:
        self.events += [f"+{member['user']}" for member in content["members"]]

    def _left(self, content: dict[str, Any]) -> None:
        self.events += [f"-{user}" for user in content["users"]]

    async def enter(self, user: str, data: str | None = None, room: str = "tea") -> list[str]:
        """Enter *room*, and return the users there."""
        reply = await self.client.call("enter", {"room": room, "user": user, "data": data})
        return sorted(member["user"] for member in reply)

    async def leave(self, room: str = "tea") -> None:
        await self.client.call("leave", {"room": room})


@asynccontextmanager
async def guest_of(url: str) -> AsyncIterator[Guest]:
    guest = Guest()
    await guest.client.connect(url, transports=["websocket"])
    try:
        yield guest
    finally:
        await guest.client.disconnect()


def url_of(application: Application) -> str:
    url = application.servers["socketio"].url
    assert url is not None
    return url


def members_of(application: Application) -> list[Member]:
    return application.injector.get(Presence).members("tea")


def users_of(application: Application) -> list[str]:
    return sorted(member.user for member in members_of(application))


async def _two(site_of: SiteOf, redis: RedisServer) -> tuple[Application, Application]:
    sites: list[Site] = [await site_of(redis, Rooms, scale=QUICK) for _ in range(2)]
    for site in sites:
        await site.sees(1)
    return sites[0].application, sites[1].application


async def test_user_in_two_processes_enters_and_leaves_once_for_all(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    here, there = await _two(site_of, shared_redis)
    async with (
        guest_of(url_of(here)) as bob,
        guest_of(url_of(here)) as phone,
        guest_of(url_of(there)) as laptop,
        guest_of(url_of(there)) as eve,
    ):
        await bob.enter("bob")
        await until(lambda: users_of(there) == ["bob"])
        assert await eve.enter("eve") == ["bob", "eve"]
        await until(lambda: users_of(here) == ["bob", "eve"])
        await phone.enter("ada", "phone")
        await until(lambda: users_of(there) == ["ada", "bob", "eve"])
        await laptop.enter("ada", "laptop")
        for application in (here, there):
            await until(lambda: Member("ada", ("phone", "laptop")) in members_of(application))  # noqa: B023

        await phone.leave()
        await until(lambda: Member("ada", ("laptop",)) in members_of(here))
        await laptop.client.disconnect()
        await until(lambda: "-ada" in bob.events and "-ada" in eve.events)

        assert bob.events == ["+bob", "+eve", "+ada", "-ada"]
        assert eve.events == ["+eve", "+ada", "-ada"]


async def test_new_process_receives_lists_of_many_parts(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    scale = QUICK | {"max_message_size": 2000}
    here = await site_of(shared_redis, Rooms, scale=scale)
    async with guest_of(url_of(here.application)) as ada:
        for number in range(20):
            await ada.enter("ada", "x" * 900, f"room {number}")

        there = await site_of(shared_redis, Rooms, scale=scale)
        presence = there.application.injector.get(Presence)
        await until(lambda: presence.members("room 19"))

        for number in range(20):
            assert presence.members(f"room {number}") == [Member("ada", ("x" * 900,))]
        assert here.counts == there.counts == {}


async def test_lists_during_outage_of_redis_are_kept_and_then_completed(
    site_of: SiteOf, redis: RedisServer
) -> None:
    here, there = await _two(site_of, redis)
    async with (
        guest_of(url_of(here)) as ada,
        guest_of(url_of(there)) as bob,
        guest_of(url_of(there)) as eve,
    ):
        await ada.enter("ada")
        await until(lambda: users_of(there) == ["ada"])
        await bob.enter("bob")
        await until(lambda: users_of(here) == ["ada", "bob"])

        redis.kill()
        await until(lambda: not here.servers["bus"].figures["bus.waiting_bytes"])
        await bob.leave()
        assert await eve.enter("eve") == ["ada", "eve"]
        assert users_of(here) == ["ada", "bob"]
        redis.start()

        await until(lambda: users_of(here) == users_of(there) == ["ada", "eve"])
        await until(lambda: len(ada.events) == 4)
        assert ada.events == ["+ada", "+bob", "-bob", "+eve"]
        assert bob.events == ["+bob", "-bob", "+eve"]


# H1
async def test_clients_of_killed_process_leave_once(
    process: Process, application: Application
) -> None:
    """A worker is killed with SIGKILL."""
    async with guest_of(url_of(application)) as bob, guest_of(url_of(application)) as phone:
        async with guest_of(process.url) as ada, guest_of(process.url) as laptop:
            await bob.enter("bob")
            await phone.enter("eve")
            await ada.enter("ada")
            await laptop.enter("eve")
            await until(lambda: len(members_of(application)) == 3)
            process.popen.kill()
            await until(lambda: users_of(application) == ["bob", "eve"])
        await until(lambda: "-ada" in bob.events and "-ada" in phone.events)

        await application.injector.get(Broadcaster).emit("presence.leave", {"users": ["end"]})
        await until(lambda: "-end" in bob.events and "-end" in phone.events)
        assert bob.events == ["+bob", "+eve", "+ada", "-ada", "-end"]
        assert phone.events == ["+eve", "+ada", "-ada", "-end"]


async def test_process_that_was_stopped_is_listed_again(
    process: Process, application: Application
) -> None:
    async with guest_of(url_of(application)) as bob, guest_of(process.url) as ada:
        await ada.enter("ada")
        await until(lambda: users_of(application) == ["ada"])
        await bob.enter("bob")
        await until(lambda: ada.events == ["+ada", "+bob"])

        with process.stopped():
            await until(lambda: users_of(application) == ["bob"])
            await bob.leave()
        await until(lambda: users_of(application) == ["ada"])
        assert await bob.enter("bob") == ["ada", "bob"]

        await until(lambda: len(bob.events) >= 5)
        assert bob.events == ["+bob", "-ada", "-bob", "+ada", "+bob"]
        await until(lambda: len(ada.events) >= 4)
        assert ada.events == ["+ada", "+bob", "-bob", "+bob"]


async def test_stop_with_clients_sends_that_they_leave(
    site_of: SiteOf, shared_redis: RedisServer
) -> None:
    """The bus stops after the server, whose connections it reports."""
    here, there = [await site_of(shared_redis, Rooms, scale=QUICK) for _ in range(2)]
    await here.sees(1)
    async with guest_of(url_of(here.application)) as ada:
        await ada.enter("ada")
        await until(lambda: users_of(there.application) == ["ada"])

        await here.application.stop()

    await until(lambda: users_of(there.application) == [])
    assert not any(here.link.counts.values())
