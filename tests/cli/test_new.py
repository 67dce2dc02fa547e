"""``new``: the project that it makes works as it is."""

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import Run, Start
from tests.cli.processes import get


def test_new_project_passes_its_own_tests(run: Run, project: Path) -> None:
    assert run("new", "my shop").exit_code == 0

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error"],
        cwd=project / "my shop",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_new_project_serves(run: Run, start: Start) -> None:
    assert run("new", ".").exit_code == 0

    process = start("serve", "--port", "0")

    line = process.line("^Listening on ")
    assert line.string.endswith(" (HTTP, Socket.IO)")
    assert get(f"{process.url()}/greetings/Ada", method="POST") == {"message": "Hello, Ada!"}


def test_new_project_has_the_name_of_its_directory(run: Run, project: Path) -> None:
    result = run("new", "deep/my shop!")

    made = project / "deep" / "my shop!"
    assert result.stdout.startswith("my-shop is in deep/my shop!.")
    assert "\n  cd 'deep/my shop!'\n" in result.stdout
    assert 'name = "my-shop"' in (made / "pyproject.toml").read_text()
    assert (made / ".gitignore").is_file()
    texts = [file.read_text() for file in made.rglob("*") if file.is_file()]
    assert not any("__project__" in text for text in texts)
    assert not list(made.rglob("__pycache__"))


def test_new_project_takes_an_empty_directory_only(run: Run, project: Path) -> None:
    (project / "empty").mkdir()
    (project / "full").mkdir()
    (project / "full" / "note.txt").touch()
    (project / "file").touch()

    assert run("new", "empty").exit_code == 0
    for directory, text in (("full", "is not empty"), ("file", "cannot be written"), ("...", "")):
        result = run("new", directory)
        assert result.exit_code == 2
        assert text in result.stderr
    assert [path.name for path in (project / "full").iterdir()] == ["note.txt"]


def test_console_script_finds_the_new_project(run: Run) -> None:
    """Python does not put the current directory on its path, as it does for ``-m``."""
    assert run("new", ".").exit_code == 0

    script = Path(sys.executable).with_name("rxkernel")
    done = subprocess.run([script, "routes", "--json"], capture_output=True, text=True, check=True)

    names = [route["name"] for route in json.loads(done.stdout)["http"]]
    assert names == ["greeting_list", "greeting_add"]
