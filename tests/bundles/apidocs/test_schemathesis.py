"""schemathesis calls the sample application by its document, and finds no failure."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.app.board import board_of
from tests.serving import serving


@pytest.mark.parametrize("examples", [20, pytest.param(1000, marks=pytest.mark.soak)])
async def test_sample_application_holds_to_its_document(tmp_path: Path, examples: int) -> None:
    async with serving(board_of(tmp_path)) as application:
        url = application.servers["http"].url
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/openapi.json"),
            *("--checks", "all", "--max-examples", str(examples), "--seed", "1", "--no-color"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()

    assert process.returncode == 0, output.decode()
    assert "No failures" in output.decode() or " passed" in output.decode()
