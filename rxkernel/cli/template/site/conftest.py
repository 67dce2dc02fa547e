"""A client of the site, whose files are in a folder of each test."""

from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path

import pytest

from bundles.autoload import create_application
from rxkernel import Application, KernelClient

HERE = Path(__file__).parent


def find_application() -> Application:
    """Return the application of ``app.py`` if there is one, as the commands of rxkernel do."""
    if (HERE / "app.py").exists():
        application: Application = import_module("app").application
        return application
    return create_application(HERE / "application")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Application:
    """The site, not yet booted. The boot runs the set-up scripts in its new database."""
    monkeypatch.setenv("DATABASE", str(tmp_path / "site.sqlite3"))
    application = find_application()
    settings = {"autoload.setup_file": tmp_path / "setup.sqlite3", "tasks.store": "memory"}
    application.load_settings(settings)
    return application


@pytest.fixture
async def client(site: Application) -> AsyncIterator[KernelClient]:
    """It boots the site when a test uses it first."""
    client = KernelClient(site)
    yield client
    await client.close()
