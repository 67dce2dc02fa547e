"""The eight operations over both transports: RxStack's acceptance check 62."""

from typing import Any

import pytest
import pytest_asyncio

from rxkernel import KernelClient
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.operations.tasks import Caller, TaskResource, TaskView, client_for


@pytest.fixture
def client(client_of: ClientOf) -> KernelClient:
    return client_for(client_of, TaskResource)


@pytest.fixture(params=["HTTP", "SOCKET"])
def call(client: KernelClient, request: pytest.FixtureRequest) -> Caller:
    return Caller(client, request.param)


@pytest_asyncio.fixture
async def stored(client: KernelClient) -> None:
    await client.http("task_bulk_create", body=[{"title": title} for title in "abc"])


async def titles(call: Caller) -> list[str]:
    return [task.title for task in (await call("task_list")).content]


async def test_create_returns_201_with_the_view(call: Caller) -> None:
    response = await call("task_create", body={"title": "a"})

    assert (response.status_code, response.content) == (201, TaskView(1, "a", False))
    assert response.headers["ETag"] == '"1"'


async def test_create_over_http_names_the_location(client: KernelClient) -> None:
    over_http = await client.http("task_create", body={"title": "a"})
    over_socket = await client.websocket("task_create", body={"title": "a"})

    assert over_http.headers["Location"] == "/tasks/1"
    assert "Location" not in over_socket.headers


async def test_create_unknown_field_is_422(call: Caller) -> None:
    response = await call("task_create", body={"title": "a", "secret": "mine"})

    assert response.status_code == 422
    assert response.content["errors"][0]["path"] == "body.secret"


@pytest.mark.usefixtures("stored")
async def test_get_returns_200_with_the_view(call: Caller) -> None:
    response = await call("task_get", params={"id": 2})

    assert (response.status_code, response.content) == (200, TaskView(2, "b", False))
    assert response.headers["ETag"] == '"1"'


async def test_absent_row_is_404(call: Caller) -> None:
    for name, body in (("get", None), ("update", {"title": "x"}), ("remove", None)):
        response = await call(f"task_{name}", params={"id": 9}, body=body)

        expected = {"statusCode": 404, "message": "Not Found", "code": "not_found"}
        assert response.content == expected


async def test_invalid_key_is_404_in_a_path_and_422_over_a_socket(client: KernelClient) -> None:
    for key in (2**63, "x", -1.5, None, True):
        assert (await client.websocket("task_get", params={"id": key})).status_code == 422, key
    for key in (2**63, "x"):
        assert (await client.http("task_get", params={"id": key})).status_code == 404, key


@pytest.mark.usefixtures("stored")
async def test_update_returns_204_and_changes_sent_fields(call: Caller) -> None:
    response = await call("task_update", params={"id": 2}, body={"done": True})

    assert (response.status_code, response.content) == (204, None)
    assert response.headers["ETag"] == '"2"'
    assert (await call("task_get", params={"id": 2})).content == TaskView(2, "b", True)


@pytest.mark.usefixtures("stored")
async def test_remove_returns_204(call: Caller) -> None:
    response = await call("task_remove", params={"id": 2})

    assert (response.status_code, response.content) == (204, None)
    assert await titles(call) == ["a", "c"]


@pytest.mark.usefixtures("stored")
async def test_patch_returns_204_and_changes_rows_of_ids(call: Caller) -> None:
    response = await call("task_patch", params={"ids": [1, 3, 9]}, body={"title": "x"})

    assert (response.status_code, response.headers["X-Count"]) == (204, "2")
    assert await titles(call) == ["x", "b", "x"]


async def test_bulk_create_returns_201_with_the_views(call: Caller) -> None:
    response = await call("task_bulk_create", body=[{"title": "a"}, {"title": "b"}])

    assert response.status_code == 201
    assert response.content == [TaskView(1, "a", False), TaskView(2, "b", False)]


@pytest.mark.usefixtures("stored")
async def test_bulk_remove_returns_204(call: Caller) -> None:
    response = await call("task_bulk_remove", params={"ids": [1, 3]})

    assert (response.status_code, response.headers["X-Count"]) == (204, "2")
    assert await titles(call) == ["b"]


@pytest.mark.usefixtures("stored")
async def test_bulk_without_ids_or_with_too_many_is_422(call: Caller) -> None:
    """RxStack calls the service with ``$in: undefined``: every row, in some databases."""
    cases: list[dict[str, Any]] = [{}, {"ids": []}, {"ids": [1] * 101}, {"ids": "1,2"}]
    for params in cases:
        for name, body in (("task_patch", {"title": "x"}), ("task_bulk_remove", None)):
            response = await call(name, params=params, body=body)

            assert response.status_code == 422
            assert response.content["errors"][0]["path"].startswith("params.ids")
    assert await titles(call) == ["a", "b", "c"]


async def test_bulk_create_outside_its_limit_is_422(call: Caller) -> None:
    for count in (0, 101):
        response = await call("task_bulk_create", body=[{"title": "a"}] * count)
        assert response.status_code == 422
    assert await titles(call) == []


async def test_bulk_create_body_that_is_not_a_list_is_422(call: Caller) -> None:
    """RxStack passes any body to ``insertMany``."""
    assert (await call("task_bulk_create", body={"title": "a"})).status_code == 422


@pytest.mark.usefixtures("stored")
async def test_list_returns_200_with_an_array_and_its_page(call: Caller) -> None:
    response = await call("task_list")

    assert response.status_code == 200
    assert [task.id for task in response.content] == [1, 2, 3]
    assert [response.headers[name] for name in ("X-Total", "X-Limit", "X-Skip")] == [
        "3",
        "10",
        "0",
    ]


@pytest.mark.usefixtures("stored")
async def test_list_filters_sorts_and_pages(call: Caller) -> None:
    params: dict[str, Any] = {
        "title[$in]" if call.transport == "HTTP" else "title": ["a", "c", "x"]
    }
    if call.transport == "SOCKET":
        params = {"title": {"$in": ["a", "c", "x"]}}

    response = await call("task_list", params={**params, "sort": "-title", "limit": 1})

    assert [task.title for task in response.content] == ["c"]
    assert [response.headers[name] for name in ("X-Total", "X-Limit")] == ["2", "1"]
    cursor = response.headers["X-Next-Cursor"]
    following = await call(
        "task_list", params={**params, "sort": "-title", "limit": 1, "cursor": cursor}
    )
    assert [task.title for task in following.content] == ["a"]
    assert "X-Next-Cursor" not in following.headers


@pytest.mark.usefixtures("stored")
async def test_list_total_counts_the_rows_of_all_pages(call: Caller) -> None:
    for skip, limit in ((0, 2), (0, 3), (2, 2), (3, 1), (9, 1)):
        response = await call("task_list", params={"skip": skip, "limit": limit})
        assert response.headers["X-Total"] == "3", (skip, limit)


@pytest.mark.usefixtures("stored")
async def test_list_over_http_links_the_pages_around_it(client: KernelClient) -> None:
    params = {"title[$in]": ["a", "b"], "limit": 1}
    first = await client.http("task_list", params={**params, "skip": 0})
    second = await client.http("task_list", params={**params, "$skip": 1})

    kept, cursor = "title%5B%24in%5D=a&title%5B%24in%5D=b&limit=1", first.headers["X-Next-Cursor"]
    assert first.headers["Link"] == f'<?{kept}&cursor={cursor}>; rel="next"'
    assert second.headers["Link"] == f'<?{kept}&skip=0>; rel="prev"'


async def test_list_unknown_filter_is_422(call: Caller) -> None:
    assert (await call("task_list", params={"owner": "ada"})).status_code == 422
