"""Mistakes in files of ``api`` are errors at boot, with the path of the file."""

import logging
from textwrap import dedent

import pytest

from rxkernel import ConfigurationError
from tests.bundles.autoload.conftest import Folder

PUBLIC = "access = 'public'\n"


async def problems_of(folder: Folder, **files: str) -> list[str]:
    """The problems of the files of ``api``, without the path of the root."""
    with pytest.raises(ConfigurationError) as caught:
        await folder.boot({f"api/{key.replace('__', '/')}.py": files[key] for key in files})
    return [problem.replace(f"{folder.root}/", "") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("acces = 'public'", "2: 'acces' is not a field; did you mean 'access'?"),
        ("time_out = 3", "2: 'time_out' is not a field; did you mean 'timeout'?"),
        ("ACCESS = 'x'", "2: 'ACCESS' is not a field; did you mean 'access'?"),
        ("def validat(a): ...", "2: 'validat' is not a field; did you mean 'validate'?"),
        ("async def returns_(): ...", "2: 'returns_' is not a field; did you mean"),
        ("protocols = ['http']", "2: 'protocols' is not a field; write transports ="),
        ("if True:\n    paramaters = {}", "3: 'paramaters' is not a field; did you mean"),
        ("for zzz in 'a': ...", "2: 'zzz' is not a field; the fields are access,"),
        ("a, tmeout = 1, 2", "2: 'tmeout' is not a field; did you mean 'timeout'?"),
    ],
)
async def test_variable_that_is_not_a_field_is_an_error_with_its_line(
    folder: Folder, line: str, problem: str
) -> None:
    text = f"{PUBLIC}{line}\nasync def method(): ..."

    found = await problems_of(folder, unit__call=text)

    assert found[-1].startswith(f"api/unit/call.py:{problem}")
    assert found[-1].endswith("Other variables have names that begin with _")


@pytest.mark.parametrize("line", ["access = 'admins'", "acces = 'admins'"])
async def test_field_of_folder_is_an_error_with_its_line(folder: Folder, line: str) -> None:
    """The field would not protect the endpoints of the folder."""
    with pytest.raises(ConfigurationError) as caught:
        await folder.boot(
            {
                "api/unit/__init__.py": f"LIMIT = 5\n{line}",
                "api/unit/drop.py": f"{PUBLIC}async def method(): ...",
            }
        )

    name = line.partition(" ")[0]
    (problem,) = caught.value.problems
    assert problem.endswith(
        f"api/unit/__init__.py:2: {name!r} is a field of an endpoint, and the fields of a "
        f"folder are not read; write it in each file of the folder"
    )


async def test_file_with_names_that_are_not_fields_boots(folder: Folder) -> None:
    await folder.boot(
        {
            "lib/limits.py": "limit = 5",
            "api/unit/call.py": """
                import json
                import logging as log
                from asyncio import gather, sleep as nap

                from bundles.autoload import lib
                from decimal import Decimal as number

                access = "public"
                LIMIT = 10
                _logger = log.getLogger(__name__)

                class City: ...

                def helper(): return json, gather, nap, number

                async def method(): return lib.limits.limit
                """,
            "api/unit/sent.py": """
                access = "public"
                parameters = {"user": "string", "context": "any"}

                async def method(user, context): ...
                """,
        }
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "defines no endpoint; write async def method(…), or async def call(…)"),
        ("def method(): ...", "method is a def, not an async function; write async def method(…)"),
        (
            "method = 5",
            "method is of the type int, not an async function; write async def method(…)",
        ),
        ("class method: ...", "not an async function; write async def method(…)"),
        ("async def call(): yield 1", "call yields; return StreamResponse(…) instead"),
        ("async def method(*a): ...", "method takes *a; arguments are passed by name"),
        ("async def method(a, /): ...", "method takes a; arguments are passed by name"),
        ("async def method(a: Nothing): ...", "name 'Nothing' is not defined"),
        (
            "parameters = {'a': 'number'}\nasync def method(a: int): ...",
            "method has parameters and a typed signature; remove one of them",
        ),
        (
            "returns = 'number'\nasync def method() -> int: ...",
            "method has returns and a return annotation; remove one of them",
        ),
        ("async def method(a: int, b): ...", "method has no type for b; add it"),
        (
            "async def method(context): ...",
            "method takes 'context' without a type, so that clients would send it; write "
            "context: Context, or parameters = {'context': …} if they do",
        ),
        ("async def method(a, connection): ...", "write connection: Connection | None, or"),
        ("async def method(a: int, session=None): ...", "write session: CurrentSession, or"),
        ("async def method(a: int, user): ...", "write user: CurrentUser[…], or parameters"),
        ("async def method(request): ...", "write request: Request, or parameters"),
        ("async def method(a, client): ...", "'client' without a type, so that clients would"),
        ("async def method(state): ...", "write context: Context and read context.state, or"),
        ("async def method(context: dict): ...", "takes 'context' of any type, so that clients"),
        ("async def method(session: dict[str, object] | None = None): ...", "CurrentSession, or"),
        ("async def method(user: object): ...", "takes 'user' of any type, so that clients would"),
        ("async def method(a, **more): ...", "method takes **more; write parameters"),
        ("parameters = {'a': 'nmber'}\nasync def method(a): ...", "unknown type 'nmber'"),
        ("parameters = {'a': 'City'}\nasync def method(a): ...", "unknown schema 'City'"),
        ("parameters = 'number'\nasync def method(a): ...", "parameters is not an object"),
        ("parameters = {}\nasync def method(a): ...", "parameters has no 'a', which the function"),
        (
            "parameters = {'a': 'any', 'b?': 'any'}\nasync def method(a): ...",
            "parameters has 'b', which the function does not take; add it, or **rest",
        ),
        (
            "parameters = {'?count': 'number'}\nasync def method(count=1): ...",
            "does not take; for an optional field write 'count?': 'type' or 'count': '?type'",
        ),
        (
            "parameters = {'x-y': 'number'}\nasync def method(): ...",
            "does not take; it cannot be the name of a parameter; take **rest, or rename it",
        ),
        ("queue = {'size': 1}\nasync def method(): ...", "queue has the keys size; write"),
        ("safe = 1\nasync def method(): ...", "safe is 1; write True"),
        ("timeout = 0\nasync def method(): ...", "timeout is 0; it must be seconds greater"),
        (
            "transports = ['HTTPS']\nasync def method(): ...",
            "transports has the unknown transport 'HTTPS'",
        ),
        (
            "class Service: ...\nasync def method(a: list[Service]): ...",
            "argument 'a': Service cannot be read from a request",
        ),
        ("async def method(a: complex): ...", "argument 'a': complex cannot be read from a"),
        ("errors = [1]\nasync def method(): ...", "errors has 1; write a mapping of codes"),
        ("validate = 1\nasync def method(): ...", "validate is 1; it must be a function"),
        ("access = ['session', 'a']\nasync def method(): ...", "'session' is for other clients"),
        ("access = 5\nasync def method(): ...", "access is 5; write 'public', 'session'"),
        ("access = ['']\nasync def method(): ...", "access is ['']; write 'public', 'session'"),
        (
            "from rxkernel import Body\nfrom typing import Annotated\n"
            "async def method(a: Annotated[int, Body()]): ...",
            "method has a marker for 'a'; arguments come from the body",
        ),
        (
            "from bundles.contracts import contract\ntimeout = 1\n"
            "@contract(timeout=2)\nasync def method(): ...",
            "timeout is set in the file and by a decorator; remove one of them",
        ),
    ],
)
async def test_file_that_cannot_be_an_endpoint_is_an_error(
    folder: Folder, text: str, problem: str
) -> None:
    [found] = await problems_of(folder, unit__call=f"{PUBLIC}{text}")

    assert problem in found
    assert "call" in found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "defines no public async function; write async def method(…)"),
        ("parameters = {}\nasync def a(): ...", "'parameters' belongs to one method"),
        ("validate = None\nasync def a(): ...", "'validate' belongs to one method"),
        ("acess = 1\nasync def a(): ...", "did you mean 'access'?"),
    ],
)
async def test_single_file_unit_with_a_mistake_is_an_error(
    folder: Folder, text: str, problem: str
) -> None:
    [found] = await problems_of(folder, unit=f"{PUBLIC}{text}")

    assert found.startswith("api/unit.py: " if not text else "api/unit.py:2: ")
    assert problem in found


@pytest.mark.parametrize("decorator", ["@_without_name\nasync def b(): ...", "b = a"])
async def test_single_file_async_function_that_is_not_defined_is_an_error(
    folder: Folder, decorator: str
) -> None:
    """It was decorated without `functools.wraps`, or is another name of such a function."""
    [found] = await problems_of(
        folder,
        unit=f"""{PUBLIC}
def _without_name(function):
    return __import__("asyncio").sleep

async def a(): ...

{decorator}
""",
    )

    assert "b is not the function of async def b; use functools.wraps in its decorator" in found


async def test_single_file_logs_its_methods(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """The log shows a helper that is public by mistake."""
    caplog.set_level(logging.INFO)

    await folder.boot(
        {
            "api/unit.py": """
                import functools
                from asyncio import sleep

                access = "public"

                def _repeated(function):
                    @functools.wraps(function)
                    async def wrapper(*args, **kwargs):
                        return await function(*args, **kwargs)
                    return wrapper

                @_repeated
                async def find(): ...

                async def load(sql): ...

                async def _helper(): ...
                """
        }
    )

    assert f"{folder.root}/api/unit.py has the methods find, load" in caplog.messages


async def test_all_problems_of_all_files_are_reported_at_once(folder: Folder) -> None:
    found = await problems_of(
        folder,
        unit__one="acces = 1\ntimout = 2\nasync def one(): ...",
        unit__two="def two(): ...",
    )

    assert [problem.partition(":")[0] for problem in found] == [
        "api/unit/one.py",
        "api/unit/one.py",
        "api/unit/two.py",
    ]


async def test_time_of_more_than_300_is_a_warning_with_the_unit_of_metarhia(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "bundles.autoload"):
        await folder.boot(
            {
                "api/unit/call.py": """
                    access = "public"
                    timeout = 5000
                    queue = {"concurrency": 1, "timeout": 400}

                    async def method(): ...
                    """
            }
        )

    assert [record.getMessage() for record in caplog.records] == [
        f"{folder.root}/api/unit/call.py: {problem}"
        for problem in (
            "timeout is 5000 seconds; times of Metarhia are milliseconds: 5000 ms are 5",
            "timeout of queue is 400 seconds; times of Metarhia are milliseconds: 400 ms are 0.4",
        )
    ]


async def test_annotations_as_texts_are_resolved_in_the_file(folder: Folder) -> None:
    application = await folder.boot(
        {
            "api/unit/call.py": """
                from __future__ import annotations

                import attrs

                from bundles.autoload import Context

                access = "public"

                @attrs.frozen
                class City:
                    name: str

                async def method(city: City, context: Context) -> City:
                    return city
                """
        }
    )

    signature = application.kernel.websocket_definitions["unit/call"].signature
    assert signature.returns.__name__ == "City"


async def test_problem_of_several_routes_of_an_action_is_reported_once(folder: Folder) -> None:
    """`<unit>` and `<unit>.<version>`, and both paths and the five verbs of a router."""
    text = """
        from typing import Annotated

        from rxkernel import Inject

        access = "public"

        class Mail: ...

        async def {name}(mail: Annotated[Mail, Inject()]) -> None: ...
        """
    found = await problems_of(
        folder,
        unit__call=dedent(text.format(name="method")),
        unit__router=dedent(text.format(name="router")),
    )

    assert sorted(problem.partition(", which")[0] for problem in found) == [
        "route 'GET unit.1/router' and 19 other routes (application.api.unit.router.router in "
        "api/unit/router.py:10) asks for Mail",
        "route 'unit.1/call' and 1 other route (application.api.unit.call.method in "
        "api/unit/call.py:10) asks for Mail",
    ]


async def test_problems_of_independent_files_are_reported_together(folder: Folder) -> None:
    """Also problems that are found later, when the routes are made."""
    files = {
        "api/a/field.py": "acces = 'public'\nasync def method(): ...",
        "api/a/type.py": "access = 'public'\nasync def method(a: complex): ...",
        "api/a/schema.py": "access = 'public'\nreturns = 'Citi'\nasync def method(): ...",
        "api/a/raises.py": "1 / 0",
        "api/b.py": "access = 'public'\ntimeout = 0\nqueue = {'size': 1}\nasync def one(): ...",
        "api/c.py": "access = 'public'\nasync def one(): ...",
    }
    with pytest.raises(ConfigurationError) as at_boot:
        await folder.boot(files)
    names = [problem.partition(".py")[0].rpartition("/")[2] for problem in at_boot.value.problems]
    assert sorted(names) == ["b", "field", "raises", "schema", "type"]

    good = "access = 'public'\nasync def method(): ..."
    await folder.boot(dict.fromkeys(files, good))
    with pytest.raises(ConfigurationError) as at_reload:
        await folder.change(files)
    assert set(at_reload.value.problems) == set(at_boot.value.problems)
