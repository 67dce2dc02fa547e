"""The bundle apidocs describes resources, and generated calls find no failure."""

from pathlib import Path
from typing import Annotated

import attrs
import pytest
from aiohttp import ClientSession

from bundles.apidocs import ApidocsBundle
from bundles.resources import (
    BulkCreate,
    BulkRemove,
    Create,
    Filters,
    Get,
    List,
    Patch,
    Remove,
    Resource,
    ResourcesBundle,
    ResourcesSettings,
    Row,
    Update,
    View,
    Watch,
    operation,
)
from rxkernel import Application, HttpSettings, Settings
from tests.bundles.apidocs.conftest import made
from tests.bundles.apidocs.schemathesis_run import run_schemathesis
from tests.bundles.resources.operations.tasks import Base, NewTask, Task, TaskView
from tests.serving import serving

CONFIGURATION = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "412"]
negative_data_rejection.expected-statuses = ["400", "404", "405", "409", "412", "415", "422"]

[[operations]]
include-name = "GET /tasks"
checks.positive_data_acceptance.expected-statuses = ["2xx", "422"]
"""
"""412 is expected, since generated versions differ from the version of the row. 422 is expected,
since the schema cannot describe which texts are cursors."""


@attrs.frozen
class Title:
    title: str


class TaskResource(Resource[Task], path="/tasks", name="task"):
    operations = (
        List(),
        Get(),
        Create(NewTask),
        Update(Title),
        Patch(Title),
        Remove(),
        BulkCreate(NewTask),
        BulkRemove(),
        Watch(),
    )
    filters = Filters(id=("$gte", "$in"), done=("$eq",), sort=("title", "id"))
    view = TaskView

    @operation("POST", "/{id}/finish")
    async def finish(self, task: Annotated[Task, Row()]) -> Annotated[Task, View(TaskView)]:
        """Finish a task."""
        task.done = True
        return task


def site(folder: Path) -> Application:
    settings = Settings(
        http=HttpSettings(port=0, compression=True),
        bundles={
            "resources": ResourcesSettings(url=f"sqlite+aiosqlite:///{folder}/tasks.sqlite3")
        },
    )
    return Application(
        bundles=[ResourcesBundle(Base), ApidocsBundle(access="public")],
        controllers=[TaskResource],
        settings=settings,
    )


async def test_documents_describe_each_operation(tmp_path: Path) -> None:
    documents = await made(site(tmp_path))

    tasks, one = documents.openapi["paths"]["/tasks"], documents.openapi["paths"]["/tasks/{id}"]
    assert tasks["get"]["tags"] == ["Task"]
    assert {p["name"] for p in tasks["get"]["parameters"]} >= {"id[$in]", "sort", "limit"}
    assert set(one["put"]["responses"]) >= {"204", "404", "409", "412", "422", "503"}
    names = {p["name"]: p.get("description") for p in one["put"]["parameters"]}
    assert (
        names["If-Match"]
        == "the ETag of the row that you have read; if the row has another one, it is an error"
    )
    assert "requestBody" not in documents.openapi["paths"]["/tasks/{id}/finish"]["post"]
    assert "push_task_changed" in documents.asyncapi["operations"]


@pytest.mark.parametrize("examples", [5, pytest.param(1000, marks=pytest.mark.soak)])
async def test_resource_matches_its_document(tmp_path: Path, examples: int) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION, encoding="utf-8")
    async with serving(site(tmp_path)) as application:
        exit_code, output = await run_schemathesis(application, tmp_path, examples)

    assert exit_code == 0, output


async def test_stored_response_is_revalidated_on_the_wire(tmp_path: Path) -> None:
    """RFC 9110 §13.1.2, §15.4.5; a compressed response has a weak tag, which a change accepts."""
    async with serving(site(tmp_path)) as application, ClientSession() as session:
        url = f"{application.servers['http'].url}/tasks"
        async with session.post(url, json={"title": "a" * 2000}) as created:
            location = created.headers["Location"]
        async with session.get(f"{url}/1") as read:
            tag = read.headers["ETag"]
        async with session.get(f"{url}/1", headers={"If-None-Match": tag}) as again:
            pass
        condition = {"If-Match": tag}
        async with session.put(f"{url}/1", json={"title": "b"}, headers=condition) as changed:
            pass
        async with session.get(f"{url}/1", headers={"If-None-Match": tag}) as later:
            pass

    assert (location, tag) == ("/tasks/1", 'W/"1"')
    assert [each.status for each in (again, changed, later)] == [304, 204, 200]
    assert changed.headers["ETag"] == '"2"'
