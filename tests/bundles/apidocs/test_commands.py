"""``rxkernel schema`` prints documents and compares them with a file."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bundles.apidocs.commands import schema
from rxkernel import Application, ConfigurationError
from tests.app.board import board_of


@pytest.fixture
def application(tmp_path: Path) -> Application:
    return board_of(tmp_path)


def run(application: Application, *arguments: str) -> Result:
    return CliRunner().invoke(schema, arguments, obj=application)


@pytest.mark.parametrize("kind", ["openapi", "asyncapi"])
def test_schema_prints_a_document_that_check_accepts(
    application: Application, tmp_path: Path, kind: str
) -> None:
    printed = run(application, kind)
    file = tmp_path / "schema.json"
    file.write_text(printed.output, encoding="utf-8")

    checked = run(board_of(tmp_path), "check", str(file))

    assert kind in json.loads(printed.output)
    assert (checked.exit_code, checked.output) == (0, "no breaking changes\n")


def test_check_names_a_breaking_change(application: Application, tmp_path: Path) -> None:
    document = json.loads(run(application, "openapi").output)
    document["paths"]["/tasks/old"] = {"get": document["paths"]["/tasks"]["get"]}
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document), encoding="utf-8")

    checked = run(board_of(tmp_path), "check", str(file))

    assert checked.exit_code == 1
    assert checked.output == "GET /tasks/old was removed\n1 breaking change\n"


@pytest.mark.parametrize("text", ["{", "[]", '{"swagger": "2.0"}'])
def test_check_of_another_file_is_an_error(
    application: Application, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "other.json"
    file.write_text(text, encoding="utf-8")

    checked = run(application, "check", str(file))

    assert isinstance(checked.exception, ConfigurationError)
    assert str(file) in str(checked.exception)
