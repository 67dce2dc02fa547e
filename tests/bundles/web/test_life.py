"""The places of a site beside ``app``: init, setup, tasks, and the folders for data."""

import time
from pathlib import Path

import pytest

from bundles.tasks import Scheduler
from tests.bundles.web.conftest import Site

ROOT = {"app/get.py": "async def get(client): return 'root'"}

INIT = """
from pathlib import Path

from bundles.autoload import ApplicationFolder, application


async def hello(client):
    return {"version": VERSION}


async def start():
    application.get("/hello.json", hello)


async def stop():
    folder = application.injector.get(ApplicationFolder).data("tmp")
    (folder / "stopped").write_text("VERSION")
"""


async def test_init_adds_a_handler_and_has_a_finalizer(site: Site) -> None:
    client = await site.start({**ROOT, "init/hello.py": INIT.replace("VERSION", "1")})
    assert (await client.http("GET /hello.json")).content == b'{"version":1}'

    await site.change({"init/hello.py": INIT.replace("VERSION", "2")})

    assert (await site.client.http("GET /hello.json")).content == b'{"version":2}'
    assert (site.root / "tmp" / "stopped").read_text() == "1"
    await site.stop()
    assert (site.root / "tmp" / "stopped").read_text() == "2"


# T76
async def test_setup_script_runs_once_over_restarts_and_again_after_a_failure(
    site: Site,
) -> None:
    """Impress of 2015 wrote ``done`` although the script had failed."""
    script = "from pathlib import Path\n\nasync def setup():\n    with open({!r}, 'a') as file:\n"
    runs = site.root.parent / "runs"
    text = script.format(str(runs)) + "        file.write('run ')\n"
    failing = {"setup/tables.py": f"{text}    1 / 0\n"}
    for _ in range(2):
        assert "setup/tables.py:6: setup() raised ZeroDivisionError" in await site.problems(
            {**ROOT, **failing}
        )
    assert runs.read_text() == "run run "

    for _ in range(2):
        await site.start({**ROOT, "setup/tables.py": text})
        await site.stop()

    assert runs.read_text() == "run run run "


async def test_task_file_with_a_period_is_due_after_that_period(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Impress of 2015 waited for an absolute time as if it were a delay."""
    monkeypatch.chdir(tmp_path)  # of the file of the tasks
    task = "every = '1h'\nasync def method(): ..."
    await site.start({**ROOT, "tasks/clean.py": task})

    (entry,) = await site.application.injector.get(Scheduler).entries()

    assert entry.record.due is not None
    assert 0 < entry.record.due - time.time() <= 3600


@pytest.mark.parametrize(
    "path", ["files/a.txt", "log/a.txt", "tmp/a.txt", "doc/a.txt", "setup/a.py", "init/a.py"]
)
async def test_files_beside_app_are_not_sent(path: str, site: Site) -> None:
    files = {**ROOT, "setup/a.py": "async def setup(): ...", "init/a.py": "", path: "secret"}
    files["setup/a.py"] = "async def setup(): ..."
    files["init/a.py"] = ""
    async with site.served(files) as browser:
        for url in (f"/{path}", f"/..%2f{path}", f"/app/../{path}", f"/%2e%2e/{path}"):
            async with browser.get(url) as response:
                assert response.status in (400, 404), url
                assert "secret" not in await response.text()
