"""The chat: state in ``domain``, and events to the clients in a room."""

from rxkernel import KernelClient


async def test_message_reaches_the_clients_in_the_room_only(client: KernelClient) -> None:
    async with client.connection() as ada, client.connection() as bob:
        for connection, room in ((ada, "Room1"), (bob, "Room2")):
            body = {"room": room}
            response = await client.websocket("chat/subscribe", body=body, connection=connection)
            assert response.content is True

        sent = await client.http("chat/send", body={"room": "Room1", "message": "Hello"})

        assert sent.content is True
        assert ada.emitted == [("chat/message", ({"room": "Room1", "message": "Hello"},))]
        assert bob.emitted == []


async def test_room_is_gone_when_its_last_client_has_left(client: KernelClient) -> None:
    message = {"room": "Room1", "message": "Hello"}
    async with client.connection() as ada:
        await client.websocket("chat/subscribe", body={"room": "Room1"}, connection=ada)
        assert (await client.http("chat/send", body=message)).status_code == 200

    assert (await client.http("chat/send", body=message)).status_code == 404
