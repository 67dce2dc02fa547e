"""schemathesis calls the sample application by its document, and finds no failure."""

from pathlib import Path

import pytest

from tests.app.board import board_of
from tests.bundles.apidocs.schemathesis_run import run_schemathesis
from tests.serving import serving


@pytest.mark.parametrize("examples", [5, pytest.param(1000, marks=pytest.mark.soak)])
async def test_sample_application_matches_its_document(tmp_path: Path, examples: int) -> None:
    async with serving(board_of(tmp_path)) as application:
        exit_code, output = await run_schemathesis(application, tmp_path, examples)

    assert exit_code == 0, output
    assert "No failures" in output or " passed" in output
