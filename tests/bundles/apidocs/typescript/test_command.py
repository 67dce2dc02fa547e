"""``rxkernel schema typescript``."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from rxkernel.cli import main


def test_command_prints_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = "tests.bundles.apidocs.typescript.gallery:create_gallery"

    result = CliRunner().invoke(main, ["--app", target, "schema", "typescript"])

    assert result.exit_code == 0, result.output
    assert "export class Client {" in result.stdout
    assert "  thingEcho(input: ThingEchoInput, options?: CallOptions): Promise<Thing> {" in (
        result.stdout
    )
