"""``new``: the created project works without changes."""

import json
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.request import urlopen

import pytest

import rxkernel
from rxkernel import KernelClient
from rxkernel.cli.locate import locate
from tests.cli.conftest import Run, Start
from tests.cli.processes import get, until
from tests.wheels import build_wheel, install
from tests.wheels import run as run_in_process


def run_own_tests(directory: Path) -> subprocess.CompletedProcess[str]:
    """Run the tests of the project in *directory*; a warning is an error."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error"],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )


def test_new_project_passes_its_own_tests(run: Run, project: Path) -> None:
    assert run("new", "my shop").exit_code == 0

    done = run_own_tests(project / "my shop")

    assert done.returncode == 0, done.stdout + done.stderr


def test_new_project_serves_the_request_that_new_prints(run: Run, start: Start) -> None:
    result = run("new", ".")
    request = re.search(r"curl -X (\w+) http://127\.0\.0\.1:8000(/\S+)", result.stdout)

    process = start("serve", "--port", "0")

    line = process.line("^Listening on ")
    assert line.string.endswith(" (HTTP, Socket.IO)")
    assert request is not None
    method, path = request.groups()
    assert get(f"{process.url()}{path}", method=method) == {"message": "Hello, Ada!"}


def test_new_project_has_the_name_of_its_directory(run: Run, project: Path) -> None:
    result = run("new", "deep/my shop!")

    made = project / "deep" / "my shop!"
    assert result.stdout.startswith("Created my-shop in deep/my shop!. Next:")
    assert "\n  cd 'deep/my shop!'\n" in result.stdout
    assert 'name = "my-shop"' in (made / "pyproject.toml").read_text()
    assert (made / ".gitignore").is_file()
    texts = [file.read_text() for file in made.rglob("*") if file.is_file()]
    assert not any("__project__" in text for text in texts)
    assert not list(made.rglob("__pycache__"))


def test_new_project_in_the_working_directory_needs_no_cd(run: Run) -> None:
    lines = run("new", ".").stdout.splitlines()

    assert lines[0].endswith(" in this directory. Next:")
    assert not any(line.startswith("  cd") for line in lines)


def test_new_project_in_used_directory_is_rejected(run: Run, project: Path) -> None:
    (project / "empty").mkdir()
    (project / "full").mkdir()
    (project / "full" / "note.txt").touch()
    (project / "file").touch()

    assert run("new", "empty").exit_code == 0
    for directory, text in (("full", "is not empty"), ("file", "cannot write"), ("...", "")):
        result = run("new", directory)
        assert result.exit_code == 2
        assert text in result.stderr
    assert [path.name for path in (project / "full").iterdir()] == ["note.txt"]


def test_new_without_directory_is_a_usage_error(run: Run) -> None:
    result = run("new")

    assert result.exit_code == 2
    assert "DIRECTORY is missing; run: python -m rxkernel new DIRECTORY" in result.stderr


def test_new_bundle_built_as_a_wheel_passes_its_own_tests(run: Run, project: Path) -> None:
    """One of its tests enables the bundle by name, which needs the entry point of the wheel."""
    result = run("new", "--bundle", "rate-limit")
    made, site = project / "rxkernel-rate-limit", project / "site"
    wheel = build_wheel(made, project)
    install(wheel, site)

    shutil.rmtree(made / "rxkernel_rate_limit")
    done = run_in_process(sys.executable, "-m", "pytest", "-q", "-W", "error", cwd=made, path=site)

    assert result.exit_code == 0
    assert result.stdout.startswith("Created rxkernel-rate-limit in rxkernel-rate-limit. Next:\n")
    assert wheel.name.startswith("rxkernel_rate_limit-0.1.0-")
    assert "rxkernel_rate_limit/py.typed" in zipfile.ZipFile(wheel).namelist()
    assert "3 passed" in done


def test_new_bundle_contains_no_placeholder(run: Run, project: Path) -> None:
    assert run("new", "--bundle", "rate_limit", "deep/here").exit_code == 0

    made = project / "deep" / "here"
    texts = [file.read_text() for file in made.rglob("*") if file.is_file()]
    assert 'rate_limit = "rxkernel_rate_limit:RateLimitBundle"' in "".join(texts)
    assert "`RXKERNEL_RATE_LIMIT_TEXT`" in "".join(texts)
    for placeholder in ("__project__", "__bundle__", "__folder__", "laceholder", "__VARIABLE__"):
        assert not any(placeholder in text for text in texts)
        assert not list(made.rglob(f"*{placeholder}*"))
    assert (made / ".gitignore").is_file()
    classes = re.findall(r"^class (\w+)", "\n".join(texts), re.MULTILINE)
    assert classes
    assert not {*classes} & {*rxkernel.__all__}, "readers would take it for a class of rxkernel"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "'' cannot be the name of a bundle; use lower-case letters"),
        ("Weather", "'Weather' cannot be the name of a bundle; use lower-case letters"),
        ("2nd", "'2nd' cannot be the name of a bundle; use lower-case letters"),
        ("a b", "'a b' cannot be the name of a bundle; use lower-case letters"),
        ("../up", "'../up' cannot be the name of a bundle; use lower-case letters"),
        ("wétter", "'wétter' cannot be the name of a bundle; use lower-case letters"),
        ("http", "'http' cannot be the name of a bundle, because a setting has this name"),
    ],
)
def test_new_bundle_invalid_name_is_rejected(
    name: str, text: str, run: Run, project: Path
) -> None:
    result = run("new", "--bundle", name)

    assert result.exit_code == 2
    assert text in result.stderr
    assert list(project.iterdir()) == []


def test_new_bundle_overwrites_nothing(run: Run, project: Path) -> None:
    (project / "rxkernel-weather").mkdir()
    (project / "rxkernel-weather" / "note.txt").touch()

    result = run("new", "--bundle", "weather")

    assert result.exit_code == 2
    assert "rxkernel-weather is not empty; choose another directory" in result.stderr
    assert [path.name for path in (project / "rxkernel-weather").iterdir()] == ["note.txt"]


def test_console_script_finds_the_new_project(run: Run) -> None:
    """Without ``-m``, Python does not add the current directory to its path."""
    assert run("new", ".").exit_code == 0

    script = Path(sys.executable).with_name("rxkernel")
    done = subprocess.run([script, "routes", "--json"], capture_output=True, text=True, check=True)

    names = [route["name"] for route in json.loads(done.stdout)["http"]]
    assert names == ["greeting_list", "greeting_add"]


def test_new_metarhia_project_serves_the_request_that_new_prints(run: Run, start: Start) -> None:
    """There is no Python module; the folder ``application/api`` is found."""
    result = run("new", "--layout", "metarhia", ".")
    request = re.search(r"curl 'http://127\.0\.0\.1:8000(/\S+)'", result.stdout)

    process = start("serve", "--port", "0")

    line = process.line("^Listening on ")
    assert line.string.endswith(" (HTTP, Socket.IO, Metacom)")
    assert request is not None
    city = {"name": "Rome", "area": 1285, "region": "Lazio"}
    assert get(f"{process.url()}{request[1]}") == city


def test_new_metarhia_project_with_debug_loads_a_saved_file(
    run: Run, start: Start, project: Path
) -> None:
    """As its README describes."""
    run("new", "--layout", "metarhia", ".")
    process = start("serve", "--port", "0", "--debug")
    url = f"{process.url()}/api/geo/findCity?name=Rome"
    assert get(url)["area"] == 1285

    file = project / "application" / "db" / "geo" / "find_city.py"
    file.write_text(file.read_text().replace('"area": row[1]', '"area": 7'))

    assert until(lambda: get(url)["area"] == 7)
    assert until(lambda: any("find_city.py: loaded" in line for line in process.stderr))
    assert not any("watchfiles" in line for line in process.stderr)


def test_new_metarhia_project_with_debug_opens_the_database_of_a_changed_configuration(
    run: Run, start: Start, project: Path
) -> None:
    run("new", "--layout", "metarhia", ".")
    process = start("serve", "--port", "0", "--debug")
    process.line("^Listening on ")
    database = project / "cities.sqlite"

    (project / "application" / "config" / "database.py").write_text(f"file = {str(database)!r}\n")

    assert until(database.exists)


def test_new_metarhia_project_is_found_by_other_commands(run: Run) -> None:
    """There is no module and no target."""
    assert run("new", "--layout", "metarhia", ".").exit_code == 0

    for arguments, text in (
        (("check",), "All is well"),
        (("routes",), "/api/example/getCity"),
        (("listeners",), "bundles.autoload."),
        (("bundles",), "autoload"),
        (("call", "example/getCity", "--body", '{"cityId": 1}'), '"Rome"'),
    ):
        result = run(*arguments)
        assert result.exit_code == 0, result.output
        assert text in result.stdout


def test_new_site_passes_its_own_tests(run: Run, project: Path) -> None:
    result = run("new", "--layout", "site", "guests")

    assert result.exit_code == 0
    done = run_own_tests(project / "guests")

    assert done.returncode == 0, done.stdout + done.stderr
    assert not (project / "guests" / "var").exists()
    texts = [file.read_text() for file in (project / "guests").rglob("*.*") if file.is_file()]
    assert not any("__project__" in text for text in texts)


def test_new_site_has_the_folders_of_its_readme(run: Run, project: Path) -> None:
    """In the order in which they are loaded."""
    run("new", "--layout", "site", ".")

    listed = re.findall(r"^\| `(\w+)` \|", (project / "README.md").read_text(), re.MULTILINE)

    assert listed == ["config", "lib", "model", "db", "setup", "init", "tasks", "app"]
    assert {path.name for path in (project / "application").iterdir()} == {*listed}


def test_new_site_serves_the_request_that_new_prints_and_its_page(run: Run, start: Start) -> None:
    result = run("new", "--layout", "site", ".")
    request = re.search(r"curl http://127\.0\.0\.1:8000(/\S+)", result.stdout)

    process = start("serve", "--port", "0")

    url = process.url()
    assert request is not None
    assert get(f"{url}{request[1]}") == [{"name": "Ada", "text": "The first one"}]
    with urlopen(f"{url}/") as page:
        assert "The first one" in page.read().decode()


def test_new_site_runs_its_setup_script_once(run: Run, start: Start, project: Path) -> None:
    run("new", "--layout", "site", ".")
    for _ in range(2):
        process = start("serve", "--port", "0")
        process.line("^Listening on ")
        process.send(signal.SIGTERM)
        assert process.code() == 0

    listed = json.loads(run("setup", "list", "--json").output)

    assert [(script["name"], script["state"]) for script in listed] == [("001_messages", "done")]
    assert sum("runs for the first time" in line for line in process.stderr) == 0


def test_new_site_is_found_by_other_commands(run: Run) -> None:
    assert run("new", "--layout", "site", ".").exit_code == 0

    for arguments, text in (
        (("check",), "All is well"),
        (("routes",), "/messages.json"),
        (("tasks", "list"), "cron 0 3 * * *"),
    ):
        result = run(*arguments)
        assert result.exit_code == 0, result.output
        assert text in result.stdout


METADATA = """\
Metadata-Version: 2.1
Name: rxkernel
Version: 0.1.0
Requires-Dist: attrs>=24.1
Requires-Dist: no-loop-here; extra == "fast"
Requires-Dist: watchfiles>=1.0; extra == "reload"
Requires-Dist: no-hashes-here>=1; extra == "security"
Requires-Dist: cronsim>=2.7; extra == "tasks"
Requires-Dist: pytest>=8.4; extra == "test"
Requires-Dist: no-tests-here; extra == "test"
Requires-Dist: jinja2>=3.1.6; extra == "web"
Requires-Dist: rxkernel[security]; extra == "web"
"""


@pytest.mark.parametrize(
    ("options", "extras"),
    [
        (("--layout", "site", "shop"), "test,web"),
        (("--layout", "metarhia", "shop"), "security,test"),
        (("shop",), "test"),
        (("--bundle", "shop"), "test"),
    ],
    ids=["site", "metarhia", "application", "bundle"],
)
def test_new_names_the_extras_that_are_missing(
    options: tuple[str, ...],
    extras: str,
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """uvloop is not named: a project runs without it."""
    folder = tmp_path / "site-packages" / "rxkernel-0.1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(METADATA)
    monkeypatch.syspath_prepend(folder.parent)

    result = run("new", *options)

    line = f"  python -m pip install '.[{extras}]'  # in the clone of rxkernel, it is missing"
    assert result.stdout.splitlines()[1] == line


def test_new_layout_of_a_bundle_is_a_usage_error(run: Run) -> None:
    result = run("new", "--bundle", "weather", "--layout", "metarhia")

    assert result.exit_code == 2
    assert "--layout is for applications; remove it, or --bundle" in result.stderr


APP = """
from bundles.autoload import create_application
from bundles.security import UserProvider


class Users(UserProvider[str]):
    async def load(self, identifier: str) -> str | None:
        return identifier

    def identifier(self, user: str) -> str:
        return user

    def roles(self, user: str) -> list[str]:
        return ["editors"]


application = create_application(users=Users)
"""

TEST_OF_USER = """
async def test_user_edits_example(client):
    response = await client.as_user("ada").http("example/edit")

    assert response.content == "edited"
"""


def test_new_metarhia_project_passes_its_own_tests(run: Run, project: Path) -> None:
    """They use the application of `app`, which has users here."""
    run("new", "--layout", "metarhia", "cities")
    made = project / "cities"
    (made / "app.py").write_text(APP)
    (made / "tests" / "test_user.py").write_text(TEST_OF_USER)
    edit = made / "application" / "api" / "example.3" / "edit.py"
    edit.write_text('access = "editors"\n\n\nasync def method() -> str:\n    return "edited"\n')

    done = run_own_tests(made)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "21 passed" in done.stdout
    texts = [file.read_text() for file in made.rglob("*.*") if file.is_file()]
    assert not any("__project__" in text for text in texts)


async def test_new_sites_in_one_process_have_separate_databases(run: Run, project: Path) -> None:
    """Also if both folders are in one directory, without a project for each."""
    for name in ("shop", "blog"):
        run("new", "--layout", "site", f"sites/{name}")
        (project / "sites" / name / "application").rename(project / f"{name}_moved")
        shutil.copytree(project / f"{name}_moved", project / "sites" / name / "application")
    folders = ("sites/shop", "sites/blog", "./shop_moved", "./blog_moved")

    async with AsyncExitStack() as stack:
        clients = [KernelClient(locate(folder)) for folder in folders]
        for client in clients:
            await stack.enter_async_context(client)
        for client, folder in zip(clients, folders, strict=True):
            await client.http("POST /messages.json", body={"name": "Bob", "text": folder})
        stored = [json.loads((await c.http("GET /messages.json")).content) for c in clients]

    assert [[message["text"] for message in messages] for messages in stored] == [
        ["The first one", folder] for folder in folders
    ]
