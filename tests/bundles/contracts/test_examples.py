"""The examples of contracts, run by the command and by the fixture."""

import asyncio
from typing import Any

import attrs
import pytest
from click.testing import CliRunner
from rxkernel_lines import LINES, LinesBundle, LinesSettings

from bundles.contracts import ContractsBundle, DomainError, Example, contract, run_examples
from bundles.contracts.commands import contracts
from bundles.contracts.pytest_plugin import CheckExamples
from bundles.security import (
    CurrentUser,
    SecurityBundle,
    SecuritySettings,
    TokenSettings,
    UserProvider,
    access,
)
from rxkernel import (
    Application,
    ConfigurationError,
    HttpSettings,
    KernelClient,
    Settings,
    both,
    procedure,
)


@attrs.frozen
class Item:
    id: int


class Items:
    @procedure("show", LINES)
    @both("GET", "/items/{id}", "show")
    @contract(
        errors={"not_found": "No such item"},
        examples=[
            Example(params={"id": 1}, returns={"id": 1}, caption="an item"),
            Example(params={"id": 2}, error="not_found"),
            Example(params={"id": 1}),
        ],
    )
    async def show(self, id: int) -> Item | DomainError:
        return Item(id) if id == 1 else DomainError("not_found")


class Broken:
    @both("POST", "/broken", "broken")
    @contract(
        errors={"x": "X"},
        examples=[
            Example(body={"id": 1}, returns={"id": 2}),
            Example(body={"id": 1}, error="x"),
            Example(body={"id": 0}),
            Example(body={"id": 1}, returns={"id": 1}),
        ],
    )
    async def broken(self, item: Item) -> Item:
        return Item(1 // item.id)


def application(*controllers: Any) -> Application:
    settings = Settings(http=HttpSettings(port=0), bundles={"lines": LinesSettings(port=0)})
    return Application(
        bundles=[ContractsBundle, LinesBundle], controllers=controllers, settings=settings
    )


async def test_examples_run_over_the_transport_of_each_definition() -> None:
    async with KernelClient(application(Items)) as client:
        results = [result async for result in run_examples(client)]

    assert [result.problem for result in results] == [None] * 9
    assert [result.title for result in results][::3] == [
        "HTTP show: an item",
        "SOCKET show: an item",
        "LINES LINES:show: an item",
    ]


async def test_fixture_returns_the_number_of_examples(check_examples: CheckExamples) -> None:
    async with KernelClient(application(Items)) as client:
        assert await check_examples(client) == 9


async def test_fixture_fails_with_all_failed_examples(
    check_examples: CheckExamples,
) -> None:
    async with KernelClient(application(Broken)) as client:
        with pytest.raises(pytest.fail.Exception) as raised:
            await check_examples(client)

    first, second, third = str(raised.value).splitlines()[:3]
    title = "HTTP broken: Example(body={'id': 1}, returns={'id': 2})"
    assert first == f"{title}: expected {{'id': 2}}, got {{'id': 1}}"
    assert second.endswith("expected the error 'x', got 200 {'id': 1}")
    assert "got 500" in third
    assert len(str(raised.value).splitlines()) == 6


class Odd:
    @both("POST", "/odd", "odd")
    @contract(
        examples=[
            Example(body={"x": object()}),
            Example(returns={"flag": [1]}),
            Example(returns={"flag": object()}),
            Example(returns={"flag": [True]}),
        ]
    )
    async def odd(self) -> Any:
        return {"flag": [True]}


async def test_example_that_cannot_be_sent_fails_alone_and_1_is_not_true() -> None:
    async with KernelClient(application(Odd)) as client:
        problems = [result.problem or "" for result in [r async for r in run_examples(client)]]

    assert len(problems) == 8
    for unsendable, number, unreadable, same in (problems[:4], problems[4:]):
        assert unsendable.startswith("raised TypeError")
        assert number == "expected {'flag': [1]}, got {'flag': [True]}"
        assert unreadable.startswith("raised TypeError")
        assert same == ""


@attrs.frozen
class User:
    identifier: str
    roles: tuple[str, ...] = ()


USERS = {"ada": User("ada"), "root": User("root", ("admin",))}


class Users(UserProvider[User]):
    async def load(self, identifier: str) -> User | None:
        return USERS.get(identifier)


class Notes:
    def __init__(self) -> None:
        self.notes = {1, 2}

    @both("GET", "/me", "me")
    @access("authenticated")
    @contract(example=Example(user="ada", returns="ada"))
    async def me(self, user: CurrentUser[User]) -> str:
        return user.identifier

    @both("DELETE", "/notes/{id}", "delete")
    @access(roles="admin")
    @contract(
        errors={"gone": "Gone"},
        examples=[
            Example(params={"id": 1}, user="root", transports="HTTP"),
            Example(params={"id": 2}, user="root", transports=["SOCKET"]),
            Example(params={"id": 2}, user="ada"),
            Example(params={"id": 2}, user="bob"),
            Example(params={"id": 2}),
        ],
    )
    async def delete(self, id: int) -> DomainError | None:
        if id not in self.notes:
            return DomainError("gone")
        self.notes.remove(id)
        return None


async def test_example_runs_as_its_user_over_its_transports() -> None:
    tokens = TokenSettings(secret="s" * 32)
    made = Application(
        bundles=[ContractsBundle, SecurityBundle(Users)],
        controllers=[Notes],
        settings=Settings(bundles={"security": SecuritySettings(tokens=tokens)}),
    )
    async with KernelClient(made) as client:
        results = [result async for result in run_examples(client) if result.example.transports]
        others = [r async for r in run_examples(client) if not r.example.transports]

    assert [(r.title.partition(":")[0], r.problem) for r in results] == [
        ("HTTP delete", None),
        ("SOCKET delete", None),
    ]
    assert results[0].title.endswith(
        "Example(params={'id': 1}, user='root', transports=('HTTP',))"
    )
    for me, forbidden, unknown, anonymous in (others[:4], others[4:]):
        assert me.problem is None
        assert (forbidden.problem or "").startswith("got 403")
        assert unknown.problem == "raised KeyError: \"the application has no user 'bob'\""
        assert (anonymous.problem or "").startswith("got 401")
        assert (anonymous.problem or "").endswith("; add user=…")


async def test_example_with_user_needs_a_bundle_that_authenticates() -> None:
    class Mine:
        @both("GET", "/mine", "mine")
        @contract(example=Example(user="ada"))
        async def mine(self) -> None: ...

    async with KernelClient(application(Mine)) as client:
        problems = [result.problem or "" async for result in run_examples(client)]

    assert len(problems) == 2
    assert all("enable it, or bind UserTokens" in problem for problem in problems)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"user": 7}, "user is 7; it must be a text, the identifier of a user"),
        ({"transports": []}, "transports is []; it must be a list of transports, or None"),
        ({"transports": 7}, "transports is 7; it must be a list of transports, or None"),
        (
            {"transports": ["SOCKET", "HTTPS"]},
            "transports has 'HTTPS', which does not serve the action; it is served by: HTTP, ",
        ),
        ({"transports": "LINES"}, "transports has 'LINES', which does not serve the action"),
    ],
)
async def test_example_with_an_invalid_user_or_transport_is_an_error(
    given: dict[str, Any], problem: str
) -> None:
    class Mine:
        @both("GET", "/mine", "mine")
        @contract(example=Example(**given))
        async def mine(self) -> None: ...

    with pytest.raises(ConfigurationError) as raised:
        await application(Mine).boot()

    assert problem in str(raised.value)


async def run(*controllers: Any) -> tuple[int, str]:
    """The command has an event loop of its own, so it runs in a thread."""
    invoke = CliRunner().invoke
    result = await asyncio.to_thread(invoke, contracts, ["test"], obj=application(*controllers))
    return result.exit_code, result.output


async def test_command_lists_examples() -> None:
    code, output = await run(Items)

    assert code == 0
    assert "ok     HTTP show: an item\n" in output
    assert output.endswith("9 examples, 0 failed\n")


async def test_command_with_a_failed_example_exits_with_1() -> None:
    code, output = await run(Broken)

    assert code == 1
    assert "FAILED SOCKET broken: Example(body={'id': 1}, error='x')\n" in output
    assert output.endswith("8 examples, 6 failed\n")
