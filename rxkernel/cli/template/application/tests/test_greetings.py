"""The greetings over both transports, without a port."""

from app import application
from rxkernel.pytest_plugin import ClientOf


async def test_greeting_add_over_both_transports_returns_greeting(client_of: ClientOf) -> None:
    client = client_of(application)

    over_http = await client.http("greeting_add", params={"name": "Ada"})
    over_socket = await client.websocket("greeting_add", params={"name": "Ada"})

    assert over_http.status_code == over_socket.status_code == 201
    assert over_http.content == over_socket.content == {"message": "Hello, Ada!"}


async def test_greeting_add_with_blank_name_is_422(client_of: ClientOf) -> None:
    client = client_of(application)

    response = await client.websocket("greeting_add", params={"name": " "})

    assert response.status_code == 422
    assert [error["path"] for error in response.content["errors"]] == ["params.name"]


async def test_response_has_server_timing_header(client_of: ClientOf) -> None:
    response = await client_of(application).http("greeting_list")

    assert response.headers["Server-Timing"].startswith("total;dur=")
