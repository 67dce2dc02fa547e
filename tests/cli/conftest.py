"""A directory for projects of tests, and the command line in this process or a separate one."""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest
from click.testing import CliRunner, Result

from rxkernel.cli import main
from tests.cli.processes import Process
from tests.project_folder import enter_project

_NUMBERS = itertools.count(1)


class Run(Protocol):
    def __call__(self, *arguments: str) -> Result: ...


class Start(Protocol):
    def __call__(self, *arguments: str) -> Process: ...


class Write(Protocol):
    def __call__(self, source: str) -> str: ...


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory, and no variables with settings."""
    enter_project(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def write(project: Path) -> Iterator[Write]:
    """Write a module into the project and return its unique name."""
    written: list[str] = []

    def write(source: str) -> str:
        written.append(f"project_of_test_{next(_NUMBERS)}")
        (project / f"{written[-1]}.py").write_text(source)
        return written[-1]

    yield write
    for name in written:
        sys.modules.pop(name, None)


@pytest.fixture
def run() -> Run:
    """Run a command in this process."""
    return lambda *arguments: CliRunner().invoke(main, arguments)


@pytest.fixture
def start(project: Path) -> Iterator[Start]:
    """Start ``python -m rxkernel`` in the project; processes left at the end are killed."""
    processes: list[Process] = []

    def start(*arguments: str) -> Process:
        processes.append(Process([sys.executable, "-m", "rxkernel", *arguments], project))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
