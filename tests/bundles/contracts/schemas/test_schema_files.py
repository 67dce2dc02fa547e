"""Schemas from files."""

from pathlib import Path

import pytest

from bundles.contracts import ContractsBundle, Schemas, contract
from rxkernel import (
    Application,
    ConfigurationError,
    KernelClient,
    UnprocessableEntityException,
    http,
)


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem.replace('_', '.', 1) if stem[0] == '_' else stem}.{suffix}").write_text(
            text
        )
    return folder


def test_load_reads_json_python_and_types(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        Person_json='{"name": "string", "mail": "mail", "address": "?Address"}',
        Address_py="schema = {'city': {'type': 'string', 'validate': str.istitle}}",
        _types_json='{"mail": {"js": "string", "metadata": {"pg": "text"}}}',
        _database_json="{",
        notes_txt="-",
    )
    (folder / "more").mkdir()
    schemas = Schemas.load(folder)
    assert set(schemas) == {"Person", "Address"}
    person = {"name": "x", "mail": "x@y", "address": {"city": "Rome"}}
    assert schemas["Person"].validate(person) == person
    with pytest.raises(UnprocessableEntityException) as raised:
        schemas["Person"].validate({**person, "mail": 1, "address": {"city": "rome"}})
    assert [error["message"] for error in raised.value.errors] == [
        'Field "Person.mail" not of expected type: mail',
        'Field "Person.address.city" validation error',
    ]


def test_load_of_python_types_validates_their_values(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        Event_json='{"at": "moment", "day": "weekday"}',
        _types_py="from typing import Literal\ntypes = {'weekday': Literal['mo', 'tu']}",
    )
    schemas = Schemas.load(folder, types={"moment": "datetime"})
    value = schemas["Event"].validate({"at": "2020-01-01T10:00:00Z", "day": "mo"})
    assert value["at"].year == 2020
    assert schemas["Event"].json_schema()["properties"] == {
        "at": {"type": "string", "format": "date-time"},
        "day": {"enum": ["mo", "tu"]},
    }


def test_load_with_invalid_files_reports_each_problem_with_its_file(tmp_path: Path) -> None:
    folder = write(
        tmp_path,
        A_json='{"a": "string",}',
        B_py="1 / 0",
        C_py="scheme = {}",
        D_json='{"a": "string"}',
        D_py="schema = {'a': 'string'}",
        _types_json="[1]",
    )
    with pytest.raises(ConfigurationError) as raised:
        Schemas.load(folder)
    names = [problem.removeprefix(f"{folder}/") for problem in raised.value.problems]
    assert names[0].startswith("A.json: is not JSON: ")
    assert names[1:] == [
        "B.py: raised ZeroDivisionError: division by zero",
        "C.py: has no variable 'schema'; assign the notation to it",
        "D.py: the schema 'D' is in another file too; remove one",
        ".types: types are [1]; write the types by name",
    ]


def test_load_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        Schemas.load(tmp_path / "schemas")


def test_load_problem_of_a_notation_names_the_schema(tmp_path: Path) -> None:
    folder = write(tmp_path, Person_json='{"name": "strng"}', person_json='{"name": "string"}')
    with pytest.raises(ConfigurationError) as raised:
        Schemas.load(folder)
    assert list(raised.value.problems) == [
        "schema 'person': a name of a schema begins with a capital letter",
        "schema 'Person', 'name': unknown type 'strng'; did you mean 'string'?",
    ]


def test_load_file_that_exits_is_an_error(tmp_path: Path) -> None:
    folder = write(tmp_path, A_py="import sys; sys.exit(3)")
    with pytest.raises(ConfigurationError, match=r"A\.py: raised SystemExit: 3"):
        Schemas.load(folder)


def test_load_folder_with_a_file_that_loads_it_is_one_error(tmp_path: Path) -> None:
    text = f"from bundles.contracts import Schemas; schema = Schemas.load({str(tmp_path)!r})"
    folder = write(tmp_path, A_py=text, B_json='{"a": "string"}')
    with pytest.raises(ConfigurationError) as raised:
        Schemas.load(folder)
    [problem] = raised.value.problems
    assert problem.startswith(f"{folder}/A.py: calls Schemas.load({str(tmp_path)!r}), which reads")


async def test_folder_of_the_settings_of_a_project_is_read_after_load_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Notes:
        @http("POST", "/notes", "add")
        @contract(parameters="Note")
        async def add(self) -> None: ...

    monkeypatch.chdir(tmp_path)
    (tmp_path / "rxkernel.toml").write_text('[contracts]\nschemas = "schemas"\n')
    (tmp_path / "schemas").mkdir()
    write(tmp_path / "schemas", Note_json='{"title": "string"}')
    application = Application(bundles=[ContractsBundle], controllers=[Notes])

    with pytest.raises(ConfigurationError, match="unknown schema 'Note'; there are no named"):
        await application.boot()

    application.load_settings()
    async with KernelClient(application) as client:
        assert (await client.http("add", body={"title": 7})).status_code == 422
