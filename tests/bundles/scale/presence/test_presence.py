"""Presence in one process: the listed users, the events of the room, and the limits."""

from typing import Annotated, Any

import pytest

from bundles.scale import Member, Presence, PresenceSettings, ScaleBundle, ScaleSettings
from rxkernel import Application, Body, Connection, Inject, KernelClient, Settings, websocket
from tests.waiting import until


class Chat:
    @websocket("enter")
    async def enter(
        self,
        connection: Connection,
        presence: Annotated[Presence, Inject()],
        room: str,
        user: str,
        data: Annotated[Any, Body()] = None,
    ) -> list[Member]:
        await connection.join(room)
        await presence.enter(connection, room, user, data)
        return presence.members(room, connection.namespace)

    @websocket("leave")
    async def leave(
        self, connection: Connection, presence: Annotated[Presence, Inject()], room: str
    ) -> None:
        await presence.leave(connection, room)


def client_of(**limits: Any) -> KernelClient:
    scale = ScaleSettings(presence=PresenceSettings(**limits))
    return KernelClient(
        Application(
            bundles=[ScaleBundle],
            controllers=[Chat],
            settings=Settings(bundles={"scale": scale}),
        )
    )


async def enter(client: KernelClient, connection: Any, *values: Any, status: int = 200) -> Any:
    room, user, data = (*values, None)[:3]
    response = await client.websocket(
        "enter", params={"room": room, "user": user}, body=data, connection=connection
    )
    assert response.status_code == status, response.content
    return response.content


async def leave(client: KernelClient, connection: Any, room: str) -> None:
    await client.websocket("leave", params={"room": room}, connection=connection)


async def received(connection: Any, *events: tuple[str, dict[str, Any]]) -> None:
    """Wait until *connection* has received exactly *events*."""
    await until(lambda: len(connection.emitted) >= len(events))
    assert connection.emitted == [(event, (content,)) for event, content in events]


def joined(user: str, *data: Any, room: str = "tea") -> tuple[str, dict[str, Any]]:
    return "presence.join", {"room": room, "members": [{"user": user, "data": list(data)}]}


def left(*users: str, room: str = "tea") -> tuple[str, dict[str, Any]]:
    return "presence.leave", {"room": room, "users": list(users)}


async def test_user_with_two_connections_is_one_member_and_enters_and_leaves_once() -> None:
    async with (
        client_of() as client,
        client.connection() as bob,
        client.connection() as phone,
        client.connection() as laptop,
    ):
        await enter(client, bob, "tea", "bob")
        await enter(client, phone, "tea", "ada", {"on": "phone"})
        listed = await enter(client, laptop, "tea", "ada", {"on": "laptop"})
        assert listed == [
            Member("bob", (None,)),
            Member("ada", ({"on": "phone"}, {"on": "laptop"})),
        ]

        await leave(client, phone, "tea")
        await laptop.close()
        await received(bob, joined("bob", None), joined("ada", {"on": "phone"}), left("ada"))
        await received(phone, joined("ada", {"on": "phone"}), left("ada"))

        presence = client.application.injector.get(Presence)
        assert presence.members("tea") == [Member("bob", (None,))]


async def test_entering_again_replaces_data_without_event_and_user_with_events() -> None:
    async with client_of() as client, client.connection() as ada:
        await enter(client, ada, "tea", "ada", 1)
        assert await enter(client, ada, "tea", "ada", 2) == [Member("ada", (2,))]
        assert await enter(client, ada, "tea", "ada", 2) == [Member("ada", (2,))]
        await received(ada, joined("ada", 1))

        assert await enter(client, ada, "tea", "eve") == [Member("eve", (None,))]
        await received(ada, joined("ada", 1), left("ada"), joined("eve", None))


async def test_rooms_and_namespaces_are_separate() -> None:
    async with client_of() as client, client.connection() as ada:
        await enter(client, ada, "tea", "ada")
        await enter(client, ada, "milk", "ada")
        await leave(client, ada, "tea")
        await leave(client, ada, "never entered")
        await received(ada, joined("ada", None), joined("ada", None, room="milk"), left("ada"))

        presence = client.application.injector.get(Presence)
        assert presence.members("tea") == []
        assert presence.members("milk") == [Member("ada", (None,))]
        assert presence.members("milk", "/other") == []


async def test_connection_that_has_ended_does_not_enter() -> None:
    async with client_of() as client:
        connection = client.connection()
        async with connection:
            pass
        presence = client.application.injector.get(Presence)

        await presence.enter(connection, "tea", "ada")

        assert presence.members("tea") == []


async def test_many_users_at_once_are_sent_in_events_of_a_hundred() -> None:
    async with client_of() as client, client.connection() as bob:
        presence = client.application.injector.get(Presence)
        await bob.join("tea")
        others = [client.connection() for _ in range(250)]
        for other in others:
            await other.connect()
        for number, other in enumerate(others):
            await presence.enter(other, "tea", f"user {number}")
        await until(lambda: len(bob.emitted) == 3)
        for other in others:
            await other.close()
        await until(lambda: bob.emitted[-1][0] == "presence.leave")
        await presence.drain()

        assert [len(args[0]["members"]) for _, args in bob.emitted[:3]] == [100, 100, 50]
        gone = [user for _, args in bob.emitted[3:] for user in args[0]["users"]]
        assert sorted(gone) == sorted(f"user {number}" for number in range(250))


async def test_limits_of_connection_and_room_are_conflicts() -> None:
    async with (
        client_of(max_rooms=2, max_connections=2) as client,
        client.connection() as ada,
        client.connection() as bob,
        client.connection() as eve,
    ):
        await enter(client, ada, "1", "ada")
        await enter(client, ada, "2", "ada")
        error = await enter(client, ada, "3", "ada", status=409)
        assert error["message"] == "a connection may be present in at most 2 rooms"
        await enter(client, ada, "2", "ada", "new data is allowed")
        await leave(client, ada, "1")
        await enter(client, ada, "3", "ada")

        await enter(client, bob, "2", "ada")
        error = await enter(client, eve, "2", "eve", status=409)
        assert error["message"] == "at most 2 connections may be present in a room"
        await bob.close()
        await enter(client, eve, "2", "eve")


@pytest.mark.parametrize(
    ("room", "user", "data", "status"),
    [
        ("tea", "ada", "x" * 200, 413),
        ("x" * 200, "ada", None, 413),
        ("tea", "x" * 200, None, 413),
        ("tea", "ada", 2**70, 422),
        ("tea", "ada", "\ud800", 422),
        ("\ud800", "ada", None, 422),
    ],
    ids=["data", "room", "user", "integer", "text", "room-text"],
)
async def test_data_that_cannot_be_listed_is_an_error_of_the_client(
    room: str, user: str, data: Any, status: int
) -> None:
    async with client_of(max_size=150) as client, client.connection() as ada:
        await enter(client, ada, room, user, data, status=status)

        presence = client.application.injector.get(Presence)
        assert presence.members(room) == []


async def test_deeply_nested_data_is_an_error_of_the_client() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    async with client_of(max_size=1_000_000) as client, client.connection() as ada:
        presence = client.application.injector.get(Presence)
        with pytest.raises(Exception, match="invalid data of presence") as raised:
            await presence.enter(ada, "tea", "ada", nested)
        assert getattr(raised.value, "status_code", None) == 422
        while nested:  # freeing it at once would recurse too
            nested = nested.pop()


async def test_list_of_process_is_bounded_as_a_whole() -> None:
    scale = ScaleSettings(max_queue_size=1024)
    settings = Settings(bundles={"scale": scale})
    application = Application(bundles=[ScaleBundle], controllers=[Chat], settings=settings)
    async with (
        KernelClient(application) as client,
        client.connection() as ada,
        client.connection() as bob,
    ):
        await enter(client, ada, "tea", "ada", "x" * 300)
        await enter(client, bob, "tea", "bob", "x" * 300, status=503)
        await leave(client, ada, "tea")
        await enter(client, bob, "tea", "bob", "x" * 300)


@pytest.mark.parametrize("values", [(1, "ada"), ("tea", None)])
async def test_room_or_user_that_is_not_text_is_rejected(values: Any) -> None:
    async with client_of() as client, client.connection() as ada:
        with pytest.raises(TypeError, match="pass a str"):
            await client.application.injector.get(Presence).enter(ada, *values)
