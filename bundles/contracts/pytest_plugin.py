"""A fixture that runs the examples of contracts.

Enable it in ``conftest.py``: ``pytest_plugins = ["bundles.contracts.pytest_plugin"]``.
"""

from collections.abc import Awaitable, Callable

import pytest

from bundles.contracts.example_run import run_examples
from rxkernel import KernelClient

CheckExamples = Callable[[KernelClient], Awaitable[int]]


@pytest.fixture
def check_examples() -> CheckExamples:
    """``await check_examples(client)`` runs all examples, and returns their number.

    The failure of the test lists each example that failed.
    """

    async def check(client: KernelClient) -> int:
        results = [result async for result in run_examples(client)]
        failed = [f"{r.title}: {r.problem}" for r in results if r.problem is not None]
        if failed:
            pytest.fail("\n".join(failed), pytrace=False)
        return len(results)

    return check
