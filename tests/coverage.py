"""Branch coverage of the sources, measured by probes in their bytecode.

coverage.py needs a trace function before Python 3.14. Python calls it for each line of every
module, pytest and asyncio too, which doubles the time of the tests. SlipCover adds a probe to each
line and branch of the sources when they are imported; other modules run at full speed.
The workers of pytest-xdist are measured, processes that tests start are not.
A pytest plugin, ``-p tests.coverage``: it is imported before the modules that it measures.
``python -m tests.coverage`` compiles the sources, once for all workers.
"""

import os
import sys
from ast import parse
from collections.abc import Generator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest
from slipcover import Slipcover, print_coverage, version
from slipcover.branch import preinstrument

LEAST = 95
"""Percentage of lines and branches that the tests must reach."""

ROOT = Path(__file__).parents[1]
SOURCES = ("app", "bundles", "rxkernel")
OMITTED = (ROOT / "rxkernel/cli/template",)
"""Data that `rxkernel new` copies, though some of it is Python."""

_NEVER = 2**31 - 1
# Probes are not removed. To remove them, SlipCover reads the variables of all frames, which keeps
# objects alive in tests that wait until an object is deleted.
_MEASURE = Slipcover(
    branch=True,
    d_miss_threshold=_NEVER,
    source=[str(ROOT / name) for name in SOURCES],
    omit=[f"{folder}/*" for folder in OMITTED],
    exclude_also=[r"^\s*\.\.\.$"],
)
_FIELDS = ("code_lines", "code_branches", "newly_seen")
"""The fields of the results of a process. Each is a dictionary of sets by file."""

_OUTPUT = "coverage"


class _BranchLoader(SourceFileLoader):
    """Compile a source with its branches marked; the bytecode has a name of its own."""

    def source_to_code(self, data: Any, path: Any, **_: Any) -> CodeType:  # type: ignore[override]
        code: CodeType = compile(preinstrument(parse(data)), path, "exec", dont_inherit=True)
        return code

    def get_data(self, path: str) -> bytes:
        return super().get_data(_cached(path))

    def set_data(self, path: str, data: Any, **options: Any) -> None:
        super().set_data(_cached(path), data, **options)


class _Loader(_BranchLoader):
    """Add the probes, which cannot be written into a file of bytecode."""

    def get_code(self, fullname: str) -> CodeType | None:
        instrumented: CodeType = _MEASURE.instrument(super().get_code(fullname))
        return instrumented


def _cached(path: str) -> str:
    """The path of a source, or where its bytecode is instead of at *path*."""
    if not path.endswith(".pyc"):
        return path
    return f"{path.removesuffix('.pyc')}.slipcover-{version.__version__}.pyc"


class _Finder(MetaPathFinder):
    """Finds the modules of `SOURCES`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in SOURCES:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader and _is_measured(spec):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


def _is_measured(spec: ModuleSpec) -> bool:
    file = Path(spec.origin or "")
    return any(file.is_relative_to(ROOT / name) for name in SOURCES) and not any(
        file.is_relative_to(folder) for folder in OMITTED
    )


if "PYTEST_XDIST_WORKER" in os.environ:
    sys.meta_path.insert(0, _Finder())


class _Worker:
    """Sends the lines and branches of this process, and which of them were reached."""

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        measured = {name: dict(getattr(_MEASURE, name)) for name in _FIELDS}
        session.config.workeroutput[_OUTPUT] = measured  # type: ignore[attr-defined]


class _Report:
    """Adds the results of all workers, and reports them at the end of the run."""

    def __init__(self) -> None:
        self._coverage: Any = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add the results of a worker. A worker that crashed sends nothing."""
        for name, files in getattr(node, "workeroutput", {}).get(_OUTPUT, {}).items():
            for file, lines in files.items():
                getattr(_MEASURE, name)[file].update(lines)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        result = yield
        self._coverage = _MEASURE.get_coverage()
        if self._percent < LEAST:
            session.testsfailed += 1
        return result

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._coverage is None:
            return
        terminalreporter.section("coverage")
        print_coverage(self._coverage, outfile=terminalreporter, skip_covered=True)
        terminalreporter.write_line("")
        terminalreporter.write_line(f"{self._percent:.2f} % reached, of {LEAST} % at least")

    @property
    def _percent(self) -> float:
        percent: float = self._coverage["summary"]["percent_covered"]
        return percent


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(_Worker(), "coverage-worker")
    elif config.getoption("numprocesses", None):
        config.pluginmanager.register(_Report(), "coverage-report")
    else:
        raise pytest.UsageError("-p tests.coverage measures workers only; add --numprocesses 1")


def _compile() -> None:
    """Write the bytecode of all sources, which each worker would compile by itself."""
    for name in SOURCES:
        for file in (ROOT / name).rglob("*.py"):
            if not any(file.is_relative_to(folder) for folder in OMITTED):
                _BranchLoader(file.stem, str(file)).get_code(file.stem)


if __name__ == "__main__":
    _compile()
