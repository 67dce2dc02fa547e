"""Configuration and schemas."""

import pickle
import stat
import sys
from copy import copy, deepcopy

import pytest

from bundles.autoload import ApplicationFolder, config, lib, model, schemas
from bundles.contracts import Schema
from tests.bundles.autoload.conftest import Folder, problems_of


async def test_config_file_provides_the_names_that_it_assigns(folder: Folder) -> None:
    await folder.boot(
        {
            "config/database.py": """
                import os
                from pathlib import Path

                host, port = "localhost", 5432
                pool: dict[str, int] = {"size": 5}
                url = f"{host}:{port}"
                _secret = 1
                """,
            "config/mail/smtp.toml": """
                host = "mail"
                [login]
                user = "ada"
                """,
            "config/limits.py": "config = 5",
            "lib/use.py": "from bundles.autoload import config\nPORT = config.database.port",
        }
    )

    assert dict(config.database) == {
        "host": "localhost",
        "port": 5432,
        "pool": config.database.pool,
        "url": "localhost:5432",
    }
    assert config.database["pool"].size == 5
    assert config.mail.smtp.login.user == "ada"
    assert config.limits == 5
    assert lib.use.PORT == 5432
    assert "5432" not in repr(config.database)
    with pytest.raises(AttributeError, match="the configuration has no 'hosts'; it has host"):
        _ = config.database.hosts

    executed = await folder.change({"config/database.py": "port = 1"})

    assert executed == {"config/database.py", "lib/use.py"}
    assert lib.use.PORT == 1


async def test_config_has_names_that_are_set_in_blocks(folder: Folder) -> None:
    await folder.boot(
        {
            "config/database.py": """
                import io

                if True:
                    host = "a"
                else:
                    host = "b"
                try:
                    port = int("x")
                except ValueError as error:
                    port = 1
                with io.StringIO("t") as file:
                    token = file.read()
                for index in range(2):
                    last = [each for each in range(index)]
                """
        }
    )

    assert dict(config.database) == {"host": "a", "port": 1, "token": "t", "last": (0,)}


async def test_config_is_copied_and_pickled(folder: Folder) -> None:
    await folder.boot({"config/database.py": "pool = {'size': 5}\nhosts = ['a', {'b': 1}]"})
    section = config.database

    for other in (copy(section), deepcopy(section), pickle.loads(pickle.dumps(section))):
        assert other == section
        assert other.pool.size == 5
        assert other.hosts[1].b == 1


async def test_config_is_read_only(folder: Folder) -> None:
    await folder.boot(
        {"config/database.py": "hosts = ['a', ({'b': [1]},)]\nnames = {'a'}\nport = 1"}
    )

    assert config.database.hosts == ("a", ({"b": (1,)},))
    assert config.database.hosts[1][0].b == (1,)
    assert config.database.names == frozenset("a")
    with pytest.raises(AttributeError):
        config.database.port = 2
    with pytest.raises(TypeError):
        config.database["port"] = 2


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.py", "x = 1\nvalues = 'hunter2'", "a.py:2: values"),
        ("a.py", "x = {\n 'pool': {'get': 'hunter2'}}", "a.py:2: x.pool.get"),
        ("a.toml", "x = 1\n[[pools]]\nkeys = 'hunter2'", "a.toml:3: pools.keys"),
    ],
)
async def test_config_key_that_is_a_method_of_mappings_is_an_error(
    folder: Folder, name: str, content: str, place: str
) -> None:
    text = await problems_of(folder, {f"config/{name}": content})

    assert f"config/{place} is a method of the mapping; choose another name than get," in text
    assert "hunter2" not in text


@pytest.mark.parametrize(("mode", "host"), [(None, "base"), ("test", "test"), ("dev", "dev")])
async def test_config_of_the_mode_replaces_the_other_one(
    folder: Folder, mode: str | None, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MODE", raising=False)
    if mode == "dev":
        monkeypatch.setenv("MODE", "dev")
    await folder.boot(
        {
            "config/database.py": "host = 'base'\nport = 1",
            "config/database.test.py": "host = 'test'",
            "config/database.dev.toml": "host = 'dev'",
            "config/only.dev.py": "only = 1",
        },
        mode="test" if mode == "test" else None,
    )

    assert config.database.host == host
    assert ("port" in config.database) == (host == "base")
    assert dir(config) == ["database", "only"] if mode == "dev" else ["database"]


CONFIG_SCHEMA = {
    "schemas/config/database.py": """
        schema = {
            "host": "string",
            "port": {"type": "number", "required": False},
            "pool": {"schema": {"size": "number"}},
        }
        """
}


# F9
@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("database.py", "host = 'a'\npool = {\n    'size': 'hunter2',\n}", 3),
        ("database.py", "config = {\n 'host': 'a',\n 'pool': {\n  'size': 'hunter2'}}", 4),
        ("database.py", "host = 'a'\nsize = 'hunter2'\npool = {**{'size': size}}", 3),
        ("database.toml", "host = 'a'\n[pool]\nsize = 'hunter2'", 3),
        ("database.toml", "host = 'a'\n[ pool ] # x\n\"size\" = 'hunter2'", 3),
        ("database.toml", "host = 'a'\npool = {size = 'hunter2'}", 2),
    ],
)
async def test_config_that_does_not_fit_its_schema_is_reported_with_key_and_line(
    folder: Folder, name: str, content: str, line: int
) -> None:
    """The error names file, key and line, and contains no value."""
    text = await problems_of(folder, {**CONFIG_SCHEMA, f"config/{name}": content})

    start = f"{folder.root}/config/{name}:{line}: pool.size: "
    assert text.startswith(start)
    assert "number" in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("port = int('hunter2')", "ValueError ("),
        ("port = {}['hunter2']", "KeyError ("),
        ("port = ports", "NameError: name 'ports' is not defined"),
        ("port = ('hunter2'", "SyntaxError: '(' was never closed"),
        ("port = 'hunter2", "SyntaxError: unterminated string literal"),
        ("requires = 'hunter2'", "requires must be a tuple of names"),
    ],
)
@pytest.mark.parametrize("key", ["config/database.py", "bus/a/_service.py"])
async def test_file_with_secrets_that_raises_is_reported_without_a_value(
    folder: Folder, key: str, line: str, name: str
) -> None:
    text = await problems_of(folder, {key: f"# 1\n{line}"})

    assert text.startswith(f"{folder.root}/{key}:2: ")
    assert name in text
    assert "hunter2" not in text


async def test_config_reports_all_problems_at_once(folder: Folder) -> None:
    text = await problems_of(
        folder, {**CONFIG_SCHEMA, "config/database.py": "port = 'a'\nextra = 1"}
    )

    assert len(text.splitlines()) == 4
    assert "config/database.py:2: extra: " in text
    assert "config/database.py: host: " in text


async def test_config_is_converted_by_its_class(folder: Folder) -> None:
    await folder.boot(
        {
            "config/database.py": """
                import attrs

                @attrs.frozen
                class Database:
                    host: str
                    port: int = 5432

                schema = Database
                host = "local"
                """
        }
    )

    assert config.database.port == 5432


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a = 1\nb = '\xff'", ":2: is not UTF-8 text"),
        ("a = 1\na = 2\n[b]", ":2: is not TOML: Cannot overwrite a value (at line 2, column 6)"),
        ("a = 1\nb", ":2: is not TOML: Expected '=' after a key"),
    ],
)
async def test_config_that_is_not_toml_is_reported(
    folder: Folder, content: str | bytes, problem: str
) -> None:
    text = await problems_of(folder, {"config/database.toml": content})

    assert f"config/database.toml{problem}" in text


async def test_schemas_are_compiled_and_refer_to_each_other(folder: Folder) -> None:
    await folder.boot(
        {
            "schemas/Address.py": "schema = {'city': 'City', 'zip': 'string'}",
            "schemas/Person.py": """
                from bundles.autoload import schemas

                schema = {"name": "string", "addresses": {"array": "Address"}, **schemas.Named}
                """,
            "schemas/Named.py": "schema = {'nick': 'string'}",
            "schemas/City.py": """
                import attrs

                @attrs.frozen
                class City:
                    name: str
                """,
            "lib/use.py": """
                from bundles.autoload import schemas

                City = schemas.City
                Person = schemas.Person
                """,
        }
    )
    person = {"name": "Ada", "nick": "a", "addresses": [{"city": {"name": "Rome"}, "zip": "1"}]}

    assert isinstance(schemas.Person, Schema)
    assert lib.use.Person is schemas.Person
    found = schemas.Person.validate(person)
    assert found["addresses"][0]["city"] == schemas.City("Rome")
    assert sorted(folder.snapshot.schemas) == ["Address", "City", "Named", "Person"]

    before = schemas.Person
    executed = await folder.change({"schemas/Address.py": "schema = {'zip': 'string'}"})
    assert executed == {"schemas/Address.py", "lib/use.py"}
    assert lib.use.Person is schemas.Person is not before
    assert schemas.Person.validate({**person, "addresses": [{"zip": "1"}]})

    before = schemas.Person
    await folder.change({"lib/other.py": ""})
    assert schemas.Person is before


@pytest.mark.parametrize(
    ("key", "content", "problem"),
    [
        ("schemas/City.py", "schema = {'a': 'nummber'}", "unknown type 'nummber'"),
        ("schemas/City.py", "schema = {'a': 'Twon'}", "unknown schema 'Twon'"),
        ("schemas/city.py", "schema = {}", "begins with a capital letter"),
        ("schemas/City.py", "x = 1", "defines no schema; write a class City, or schema = "),
        ("schemas/config/database.py", "schema = {'a': 'x'}", "unknown type 'x'"),
    ],
)
async def test_schema_that_is_wrong_is_reported_with_its_file(
    folder: Folder, key: str, content: str, problem: str
) -> None:
    text = await problems_of(folder, {key: content})

    assert f"{folder.root}/{key}:{1 if 'schema =' in content else ''}".rstrip(":") in text
    assert problem in text


async def test_init_files_of_places_are_modules(folder: Folder) -> None:
    await folder.boot(
        {
            "schemas/__init__.py": "CITIES = ['Rome']",
            "config/__init__.py": "NAME = 'shop'",
            "api/__init__.py": "",
            "api/chat/__init__.py": "",
            "api/chat/send.py": "access = 'public'\nasync def method(): ...",
        }
    )

    assert (schemas.CITIES, config.NAME) == (["Rome"], "shop")
    assert list(folder.snapshot.api["chat"].latest.files) == ["send"]


async def test_model_file_reads_lib_and_is_a_namespace(folder: Folder) -> None:
    await folder.boot(
        {
            "lib/names.py": "def title(name): return name.title()",
            "model/city.py": """
                from bundles.autoload import lib
                first = lib.names.title("rome")
                """,
        }
    )

    assert model.city.first == "Rome"
    assert model.city.parent == model
    assert sys.modules["application.model.city"].first == "Rome"


async def test_lib_that_reads_model_while_it_is_executed_is_an_error(folder: Folder) -> None:
    text = await problems_of(
        folder, {"lib/a.py": "from bundles.autoload import model\nmodel.b", "model/b.py": ""}
    )

    assert "reads model.b while it is executed, which is loaded later" in text


@pytest.mark.parametrize("name", ["files", "log", "tmp"])
async def test_data_folder_is_created_on_first_use(name: str, folder: Folder) -> None:
    """The folder is neither loaded nor emptied, and may contain files of any name."""
    application = await folder.boot({"lib/a.py": ""})
    assert not (folder.root / name).exists()

    made = application.injector.get(ApplicationFolder).data(name)

    assert made == folder.root / name
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    folder.write({f"{name}/not-python.py": "1 / 0"})
    await folder.stop()
    application = await folder.boot()
    assert application.injector.get(ApplicationFolder).data(name) == made
    assert (made / "not-python.py").exists()


async def test_data_folder_of_another_name_is_an_error(folder: Folder) -> None:
    application = await folder.boot({"lib/a.py": ""})

    with pytest.raises(ValueError, match="'tpm' is not one of the folders files, log, tmp, doc"):
        application.injector.get(ApplicationFolder).data("tpm")


async def test_folder_almost_called_like_a_data_folder_is_a_warning(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    await folder.boot({"lib/a.py": "", "file/a.txt": "", "doc/a.txt": "", "models/a.py": ""})

    assert sorted(caplog.messages) == [
        f"{folder.root}/file is not loaded; did you mean files?",
        f"{folder.root}/models is not loaded; did you mean model?",
    ]
