"""Access rules of the bundle security: on the class, and as labels of operations."""

from typing import Any

import pytest
from sqlalchemy import ColumnElement

from bundles.resources import (
    BulkRemove,
    Create,
    Filters,
    Get,
    List,
    Remove,
    Resource,
    ResourcesBundle,
    Unwatch,
    Watch,
)
from bundles.security import (
    SecurityBundle,
    SecurityEvents,
    SecuritySettings,
    TokenSettings,
    access,
)
from rxkernel import KernelClient, Request, Settings
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.operations.tasks import Base, NewTask, Task, TaskView
from tests.bundles.security.shop import SECRET, Accounts, token_of


@access("authenticated")
class TaskResource(Resource[Task], path="/tasks", name="task"):
    operations = (
        List(labels=[access("public")]),
        Get(),
        Create(NewTask),
        Remove(labels=[access(roles="admin")]),
        BulkRemove(),
        Watch(),
        Unwatch(),
    )
    filters = Filters(title=("$eq",))
    view = TaskView

    def visible(self, request: Request) -> ColumnElement[bool]:
        return Task.owner == (request.user.username if request.user else "")

    def build(self, sent: NewTask, request: Request) -> Task:
        return Task(title=sent.title, owner=request.user.username)

    def room_of(self, request: Request) -> str:
        return str(request.user.username)

    def rooms_of(self, row: Task) -> list[str]:
        return [row.owner]


@pytest.fixture
def client(client_of: ClientOf) -> KernelClient:
    settings = SecuritySettings(
        tokens=TokenSettings(secret=SECRET), disconnect_expired=False, query_parameter="bearer"
    )
    return client_of(
        TaskResource,
        bundles=[SecurityBundle(Accounts), ResourcesBundle(Base)],
        settings=Settings(bundles={"security": settings}),
        database="memory",
    )


async def test_rule_is_checked_before_a_row_is_loaded(client: KernelClient) -> None:
    """RxStack loads the row first, so a client sees which rows exist: 403 instead of 404."""
    ada = client.as_user(await client.load_user("ada"))
    root = client.as_user(await client.load_user("root"))
    await ada.http("task_create", body={"title": "a"})

    statuses: dict[str, list[Any]] = {}
    for name, user in (("nobody", client), ("ada", ada), ("root", root)):
        statuses[name] = [
            (await user.http("task_remove", params={"id": id})).status_code for id in (2, 1)
        ]
        if name != "ada":
            assert (await user.http("task_list")).content == []

    assert statuses == {"nobody": [401, 401], "ada": [403, 403], "root": [404, 404]}
    assert (await client.http("task_create", body={"wrong": 1})).status_code == 401
    assert (await ada.http("task_get", params={"id": 1})).status_code == 200


async def test_query_parameter_with_a_credential_is_not_a_filter(client: KernelClient) -> None:
    response = await client.http("task_list", params={"bearer": token_of("ada"), "title": "a"})

    assert (response.status_code, response.content) == (200, [])
    assert (await client.http("task_list", params={"bearier": "x"})).status_code == 422


async def test_client_whose_identity_ends_gets_no_more_changes(client: KernelClient) -> None:
    ada = client.as_user(await client.load_user("ada"))
    async with client.connection(auth={"token": token_of("ada")}) as connection:
        assert (await client.websocket("task_watch", connection=connection)).status_code == 204
        await ada.http("task_create", body={"title": "a"})
        renewal = {"bearer": token_of("ada")}
        await client.websocket("security_authenticate", params=renewal, connection=connection)
        await ada.http("task_create", body={"title": "b"})
        await client.websocket("security_unauthenticate", connection=connection)
        await ada.http("task_create", body={"title": "c"})

        titles = [args[0]["title"] for name, args in connection.emitted if name == "task_created"]
        assert titles == ["a", "b"]
        assert (await client.websocket("task_watch", connection=connection)).status_code == 401


def test_events_of_the_bundle_security_have_the_names_that_are_listened_to() -> None:
    """The bundle resources does not import security, which needs further libraries."""
    names = {
        SecurityEvents.SOCKET_EXPIRED,
        SecurityEvents.SOCKET_UNAUTHENTICATION_SUCCESS,
        SecurityEvents.SOCKET_AUTHENTICATION_SUCCESS,
    }

    assert names == {
        "security.socket_expired",
        "security.socket_unauthentication.success",
        "security.socket_authentication.success",
    }
