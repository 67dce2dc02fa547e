"""Distribution of the tests over the processes of pytest-xdist.

Each test function is one unit of work, some files are one unit each. `--dist loadgroup` would do
the same, but it does not work with pytest 9.2 (issue 1386 of pytest-xdist).
A pytest plugin: the root `conftest.py` names it in ``pytest_plugins``.
"""

import gc
import os
from collections.abc import Generator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

WHOLE_FILES = (
    *("tests/browser/", "tests/docs/test_extending.py", "tests/private_uses/"),
    *("tests/test_architecture.py", "tests/test_wheel.py"),
)
"""Files and folders. The tests of a file share what is expensive: a browser, a wheel, parsed
sources."""

CLUSTERS = tuple(
    f"tests/bundles/gateway/cluster/test_{name}" for name in ("node_peers", "two_languages")
)
"""Beginnings of files. Tests whose first two parameters are the same share nodes of Moleculer."""


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Send the tests of one unit to the same process, in their order."""

    def _split_scope(self, nodeid: str) -> str:
        """Return the name of the unit."""
        path, _, name = nodeid.partition("::")
        if path.startswith(CLUSTERS):
            return "-".join([path, *name.partition("[")[2].rstrip("]").split("-")[:2]])
        if path.startswith(WHOLE_FILES) or path.endswith(
            ".md"
        ):  # the blocks of a page share their variables
            return path
        return nodeid.partition("[")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return twice the number of cores, for ``-n auto``: a test waits for half of its run time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return 2 * (cores or 1)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without garbage collections, which take a sixth of the time and free nothing."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Exclude the collected tests from garbage collection: they stay until the process ends."""
    gc.freeze()
