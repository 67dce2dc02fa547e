"""The actions that clients may call: checks 11 to 19 of moleculer-io."""

import re
from typing import Any

import pytest

from bundles.gateway import Gateway, GatewayEvent, action
from rxkernel import ConfigurationError
from tests.bundles.gateway.gateways import Math, application_of, gateway, in_process

SUM = {"a": 1, "b": 2}


async def problems_of(**events: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        await application_of(gateway=gateway(**events)).boot()
    return raised.value.problems


# check 11
async def test_alias_calls_its_action() -> None:
    aliased: GatewayEvent = {"aliases": {"add": "math.add"}, "whitelist": ["math.add"]}
    async with in_process(gateway=gateway(call=aliased)) as io:
        assert await io.call("add", SUM) == 3
        assert await io.call("math.add", SUM) == 3
        assert await io.code("greeter.hello") == 404


# check 11
async def test_alias_has_priority_over_an_action_of_its_name() -> None:
    aliased: GatewayEvent = {"aliases": {"math.add": "greeter.hello"}}
    async with in_process(gateway=gateway(call=aliased)) as io:
        assert await io.call("math.add") == "Hello"


# check 11
async def test_alias_of_an_action_outside_of_the_whitelist_is_an_error() -> None:
    (problem,) = await problems_of(
        call={"aliases": {"hi": "greeter.hello"}, "whitelist": ["math.*"]}
    )
    assert problem == (
        "aliases of event 'call' in the namespace '/' of the gateway Io: 'hi' is an "
        "alias of 'greeter.hello', which clients may not call: it is not in the whitelist (its "
        "visibility is published)"
    )


# check 12
async def test_policy_restrict_allows_aliases_only() -> None:
    restricted: GatewayEvent = {"aliases": {"add": "math.add"}, "mapping_policy": "restrict"}
    async with in_process(gateway=gateway(call=restricted)) as io:
        assert await io.call("add", SUM) == 3
        error = await io.error("math.add", SUM)
        assert (error["code"], error["data"]) == (404, {"action": "math.add"})


# check 12
async def test_policy_restrict_without_aliases_refuses_all() -> None:
    async with in_process(gateway=gateway(call={"mapping_policy": "restrict"})) as io:
        assert await io.code("math.add", SUM) == 404


# check 12
async def test_policy_that_is_unknown_is_an_error() -> None:
    (problem,) = await problems_of(call={"mapping_policy": "alias"})
    assert problem == (
        "mapping_policy of event 'call' in the namespace '/' of the gateway Io is 'alias'; write "
        "'all', or 'restrict' for calls by aliases only"
    )


# check 13
@pytest.mark.parametrize(
    "name", ["constructor", "__proto__", "toString", "__class__", "", "a" * 5000]
)
async def test_inherited_and_odd_names_are_not_found(name: str) -> None:
    async with in_process(gateway=gateway(call={"aliases": {"add": "math.add"}})) as io:
        assert await io.error("constructor") == {
            "name": "ServiceNotFoundError",
            "message": "Service 'constructor' is not found.",
            "code": 404,
            "type": "SERVICE_NOT_FOUND",
            "data": {"action": "constructor"},
        }
        assert await io.code(name) == 404


class Patterns:
    """Actions with the names of §3.1."""

    @action("math.add", visibility="published")
    @action("math.adv.pow", visibility="published")
    @action("math", visibility="published")
    @action("math.", visibility="published")
    @action("mathXadd", visibility="published")
    @action("users.get", visibility="published")
    @action("user.get", visibility="published")
    @action("top-secret.hello", visibility="published")
    async def run(self) -> int:
        return 1


NAMES = ("math.add", "math.adv.pow", "math", "math.", "mathXadd")

TABLE: list[tuple[Any, str]] = [
    *(("math.add", "10000"), ("math.*", "10010"), ("math*", "10111"), ("math.**", "11010")),
    *(("math**", "11111"), ("*", "00101"), ("**", "11111"), ("math.*.pow", "01000")),
    *(("*.add", "10000"), ("**.add", "10000"), ("*.*", "10010")),
    *((re.compile(r"^math\.add$"), "10000"), (re.compile("adv"), "01000")),
]


# check 14
async def test_whitelist_refuses_other_actions_before_the_hooks() -> None:
    seen: list[str] = []

    async def note(call: Any) -> None:
        seen.append(call.action)

    listed: GatewayEvent = {"whitelist": ["math.*"], "before_call": note}
    async with in_process(Patterns, gateway=gateway(call=listed)) as io:
        assert await io.call("math.add") == 1
        assert await io.code("math.adv.pow") == 404
        assert await io.code("top-secret.hello") == 404
    assert seen == ["math.add"]


# check 15, check 16
@pytest.mark.parametrize(("mask", "expected"), TABLE, ids=lambda value: str(value))
async def test_mask_of_a_whitelist_allows_matching_names_only(mask: Any, expected: str) -> None:
    async with in_process(Patterns, gateway=gateway(call={"whitelist": [mask]})) as io:
        found = ["0" if await io.code(name) == 404 else "1" for name in NAMES]
    assert "".join(found) == expected


# check 15
async def test_question_mark_is_one_character() -> None:
    async with in_process(Patterns, gateway=gateway(call={"whitelist": ["user?.get"]})) as io:
        assert await io.call("users.get") == 1
        assert await io.code("user.get") == 404


# check 17
async def test_empty_whitelist_refuses_all() -> None:
    async with in_process(gateway=gateway(call={"whitelist": []})) as io:
        assert await io.code("math.add", SUM) == 404
        assert await io.code("greeter.hello") == 404


# check 17
async def test_regular_expression_gives_stable_results() -> None:
    listed: GatewayEvent = {"whitelist": [re.compile(r"^math\.")]}
    async with in_process(gateway=gateway(call=listed)) as io:
        for _ in range(3):
            assert await io.call("math.add", SUM) == 3
            assert await io.code("greeter.hello") == 404


# check 18
async def test_other_namespace_leaves_no_default_event() -> None:
    class Io(Gateway):
        namespaces = {"/admin": {"events": {"call": {}}}}

    async with in_process(gateway=Io) as io:
        with pytest.raises(KeyError):
            await io.call("math.add", SUM)
        response = await io.kernel_client.websocket("/admin:call", body=["math.add", SUM])
        assert response.content == [None, 3]


# check 18
async def test_other_events_leave_no_default_event() -> None:
    async with in_process(gateway=gateway(ask={})) as io:
        with pytest.raises(KeyError):
            await io.call("math.add", SUM)
        assert await io.emit("ask", "math.add", SUM) == [None, 3]


# check 19
async def test_only_published_actions_may_be_called() -> None:
    async with in_process() as io:
        assert await io.call("math.add", SUM) == 3
        for name in ("math.open", "math.inner", "math.secret"):
            error = await io.error(name)
            assert error["message"] == f"Service '{name}' is not found."


class Versioned:
    @action("users.get", version=2, visibility="published")
    async def get(self) -> None: ...

    @action("users.delete", version=2)
    async def delete(self) -> None: ...


# check 19
@pytest.mark.parametrize(
    ("mask", "code"), [("v2.**", 404), ("v2.users.*", None), ("v2.users.delete", None)]
)
async def test_version_lists_no_public_actions(mask: str, code: int | None) -> None:
    cls = gateway(call={"whitelist": [mask, "v2.users.get"]})
    async with in_process(Versioned, gateway=cls) as io:
        assert await io.code("v2.users.get") is None
        assert await io.code("v2.users.delete") == code


# check 19
async def test_public_actions_may_be_listed_by_the_name_of_their_service() -> None:
    for mask in ("math.open", "math.*", "math.**"):
        async with in_process(gateway=gateway(call={"whitelist": [mask]})) as io:
            assert await io.call("math.open") == "public"
            assert await io.code("math.inner") == await io.code("math.secret") == 404


class Doors:
    """Published actions that match the masks of the next test, in addition to ``math.open``."""

    @action("mate.open", visibility="published")
    @action("mathx.open", visibility="published")
    async def run(self) -> None: ...


# check 19
@pytest.mark.parametrize(
    "mask", ["**", "*.open", "mat?.open", "**.open", "math*.open", re.compile("open")], ids=str
)
async def test_other_masks_select_published_actions_only(mask: Any) -> None:
    async with in_process(Math, Doors, gateway=gateway(call={"whitelist": [mask]})) as io:
        assert None in (await io.code("mate.open"), await io.code("mathx.open"))
        assert await io.code("math.open") == 404


async def test_invalid_whitelist_and_aliases_are_one_error() -> None:
    problems = await problems_of(
        call={
            "whitelist": ["mth.add", "users.*", re.compile("^x"), "math.secret", "*.open", 5, ""],
            "aliases": {"a": "math.ad", "b": "math.inner", "c": ["math.add"]},
        }
    )
    where = "event 'call' in the namespace '/' of the gateway Io"
    assert problems == (
        f"whitelist of {where} has 5; write the name of an action, a pattern such as 'math.*', "
        f"or re.compile(…)",
        f"whitelist of {where} has ''; write the name of an action, a pattern such as 'math.*', "
        f"or re.compile(…)",
        f"aliases of {where}: 'c' is ['math.add']; write the name of an action",
    )
    problems = await problems_of(
        call={
            "whitelist": ["mth.add", "users.*", re.compile("^x"), "math.secret", "*.open"],
            "aliases": {"a": "math.ad", "b": "math.inner"},
        }
    )
    listed = (
        "write visibility='published' at the action, or list public actions with the name of "
        "their service, such as 'service.*'"
    )
    assert problems == (
        f"whitelist of {where}: 'mth.add' matches no action; did you mean 'math.add'?",
        f"whitelist of {where}: 'users.*' matches no action; remove it, or correct it",
        f"whitelist of {where}: re.compile('^x') matches no action; remove it, or correct it",
        f"whitelist of {where}: 'math.secret' matches only 'math.secret' (private); {listed}",
        f"whitelist of {where}: '*.open' matches only 'math.open' (public); {listed}",
        f"aliases of {where}: 'a' is an alias of 'math.ad', which is not an action; did you mean "
        f"'math.add'?",
        f"aliases of {where}: 'b' is an alias of 'math.inner', which clients may not call: it is "
        f"protected; write visibility='published' at the action",
    )
