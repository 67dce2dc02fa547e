"""The unit ``example`` in its three versions, and the parts that its methods use."""

import pytest

from rxkernel import KernelClient

ROME = {"name": "Rome", "area": 1285, "region": "Lazio"}


async def test_getCity_without_access_needs_a_session(client: KernelClient) -> None:
    response = await client.http("example.1/getCity", body={"cityId": 1})

    assert response.status_code == 401


async def test_getCity_public_is_served_over_both_transports(client: KernelClient) -> None:
    over_http = await client.http("example.2/getCity", body={"cityId": 1})
    over_socket = await client.websocket("example.2/getCity", body={"cityId": 1})

    assert over_http.content == over_socket.content == ROME


async def test_getCity_without_version_is_the_highest_one(client: KernelClient) -> None:
    """Its contract refuses a text, which the version without one takes."""
    old = await client.http("example.2/getCity", body={"cityId": "1"})
    new = await client.http("example/getCity", body={"cityId": "1"})

    assert (old.status_code, new.status_code) == (404, 422)
    assert new.content["errors"][0]["path"] == "body.cityId"


async def test_getCity_unknown_is_the_error_of_the_contract(client: KernelClient) -> None:
    response = await client.http("example/getCity", body={"cityId": 2})

    assert response.status_code == 404
    assert response.content["message"] == "There is no such city"
    assert response.content["code"] == "unknown_city"


async def test_add_by_signature(client: KernelClient) -> None:
    assert (await client.http("example/add", body={"a": 2, "b": 3})).content == 5


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (2000, "2 kB"), (1_234_567, "1.23 MB")]
)
async def test_size_uses_the_library(client: KernelClient, size: int, text: str) -> None:
    assert (await client.http("example/size", body={"size": size})).content == text


async def test_findCity_reads_the_database(client: KernelClient) -> None:
    found = await client.http("geo/findCity", body={"name": "Rome"})
    missing = await client.http("GET geo/findCity", params={"name": "Atlantis"})

    assert found.content == ROME
    assert missing.status_code == 404


async def test_now_calls_the_remote_service(client: KernelClient, world_time: list[str]) -> None:
    body = {"area": "Europe", "location": "Rome"}

    response = await client.http("time/now", body=body)

    assert response.content == "Europe/Rome - 2027-07-15T12:00:00"
    assert world_time == ["/api/timezone/Europe/Rome"]


async def test_now_error_of_the_remote_service_is_502(
    client: KernelClient, world_time: list[str]
) -> None:
    response = await client.http("time/now", body={"area": "Europe", "location": "Atlantis"})

    assert response.status_code == 502
