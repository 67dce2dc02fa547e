"""The event loop of commands."""

import asyncio

import pytest

from rxkernel.cli import loop
from tests.cli.conftest import Run


async def _is_in_debug_mode() -> bool:
    return asyncio.get_running_loop().get_debug()


@pytest.mark.parametrize(("value", "is_set"), [("1", True), ("", False)])
def test_loop_has_debug_mode_of_the_variable_that_serve_names(
    run: Run, monkeypatch: pytest.MonkeyPatch, value: str, is_set: bool
) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", value)

    assert loop.run(_is_in_debug_mode()) is is_set
    assert "PYTHONASYNCIODEBUG=1" in run("serve", "--help").output
