"""The bundle in applications from a directory."""

from pathlib import Path
from typing import Any

import pytest

from bundles.autoload import create_application
from bundles.metacom import MetacomBundle
from rxkernel import Application, KernelClient

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
async def test_bundle_that_is_given_is_used(root: Path, given: Any) -> None:
    """With arguments of its own; twice would be an error at boot."""
    application = create_application(root, bundles=[given])
    assert '"result":"Ada"' in await call(application, "greeting/sayHello", {"name": "Ada"})
