"""The bundle in applications from a directory."""

from pathlib import Path
from typing import Any

import pytest

from bundles.autoload import create_application
from bundles.metacom import MetacomBundle
from bundles.security import access
from rxkernel import Application, ConfigurationError, KernelClient, http

ENDPOINT = 'access = "public"\n\n\nasync def method(name: str) -> str:\n    return name\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    unit = tmp_path / "api" / "greeting"
    unit.mkdir(parents=True)
    (unit / "sayHello.py").write_text(ENDPOINT)
    return tmp_path


async def call(application: Application, method: str, args: Any) -> str:
    packet = {"type": "call", "id": 1, "method": method, "args": args}
    async with KernelClient(application) as client:
        content: bytes = (await client.post("/api", body=packet)).content
        return content.decode()


async def test_directory_is_served_over_metacom_by_default(root: Path) -> None:
    result = await call(create_application(root), "greeting/sayHello", {"name": "Ada"})
    assert result == '{"type":"callback","id":1,"result":"Ada"}'


@pytest.mark.parametrize("given", ["metacom", MetacomBundle, MetacomBundle(expose={})])
async def test_bundle_listed_in_code_replaces_the_default_one(root: Path, given: Any) -> None:
    """The bundle may have arguments. If it were enabled twice, boot would fail."""
    application = create_application(root, bundles=[given])
    assert '"result":"Ada"' in await call(application, "greeting/sayHello", {"name": "Ada"})


WITH_CONNECTION = """
from bundles.metacom import MetacomConnection
from rxkernel import Connection
access = "public"
{transports}
async def method(connection: {type}) -> str:
    return "none" if connection is None else connection.id
"""


@pytest.mark.parametrize(
    ("type_", "transports"),
    [("Connection", '("SOCKET", "METACOM")'), ("MetacomConnection", '("METACOM",)')],
)
async def test_connection_of_endpoint_served_over_http_error_names_transports(
    root: Path, type_: str, transports: str
) -> None:
    file = root / "api" / "greeting" / "watch.py"
    file.write_text(WITH_CONNECTION.format(type=type_, transports=""))
    with pytest.raises(ConfigurationError) as caught:
        await create_application(root).boot()

    (problem,) = caught.value.problems
    assert "greeting/watch.py" in problem
    advice = f"transports = {transports}"
    assert f"HTTP has no {type_}, which 'connection' needs; write {advice}, or" in problem

    file.write_text(WITH_CONNECTION.format(type=type_, transports=advice))
    assert '"code":426' in await call(create_application(root), "greeting/watch", {})


async def test_connection_or_none_of_endpoint_is_none_over_http(root: Path) -> None:
    file = root / "api" / "greeting" / "watch.py"
    file.write_text(WITH_CONNECTION.format(type="Connection | None", transports=""))
    assert '"result":"none"' in await call(create_application(root), "greeting/watch", {})


async def test_controllers_that_are_given_are_served_and_can_be_exposed(root: Path) -> None:
    class Articles:
        @http("GET", "/articles/{id:int}", "article_show")
        @access("public")
        async def show(self, id: int) -> int:
            return id

    metacom = MetacomBundle(expose={"articles": Articles})
    application = create_application(root, controllers=[Articles], bundles=[metacom])
    async with KernelClient(application) as client:
        packet = {"type": "call", "id": 1, "method": "articles/show", "args": {"id": 7}}
        assert '"result":7' in (await client.post("/api", body=packet)).content.decode()
        assert (await client.http("article_show", params={"id": 7})).content == 7
