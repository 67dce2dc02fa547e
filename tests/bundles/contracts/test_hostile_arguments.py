"""Any message is accepted or rejected by a contract: it is never an error of the server."""

from random import Random
from typing import Annotated, Any

import pytest
from aiohttp import ClientSession

from bundles.contracts import Arguments, ContractsBundle, compile_definitions, contract
from rxkernel import Application, HttpSettings, KernelClient, Settings, both
from tests.serving import serving

NOTATIONS: list[Any] = [
    {"a": "number", "b": "?string"},
    {"a": {"x": "int", "y": {"array": {"z": "date"}}}},
    {"object": {"int": "number"}},
    {"a": ["int", "?string"]},
    {"a": {"union": ["u64", "boolean", {"array": "int"}]}},
    {"a": {"union": ["int", {"x": "int"}]}},
    {"array": "int"},
    {"a": "T"},
    {"a": {"set": "string"}, "b": {"type": "int", "default": 5}},
    {"a": {"enum": [1, "x", None, True]}},
    {"a": "tags", "b": "pair"},
    compile_definitions({"r": {"a": "size", "b": "[duration]", "_other": "number"}}),
]
TEXTS = [
    "",
    "0",
    "1.0",
    "-0",
    "true",
    "NaN",
    "1e999",
    "9" * 5000,
    "\x00",
    "{}",
    "2024-01-01",
    "10mb",
]
VALUES = [*TEXTS, None, True, 0, -1, 1.5, 10**30, float("inf"), "a" * 300]
NAMES = [
    *("a", "b", "a.x", "a[x]", "a[]", "a[0]", "a[y][0][z]", "a.y.0.z", "", "[", "a[", "a]"),
    *("a[[]]", "..", "a..b", "__proto__", "a[999]", "a[-1]", "a[²]", "x" * 100, "1"),
]


def value(random: Random, depth: int = 0) -> Any:
    kind = random.random()
    if kind < 0.5 or depth > 3:
        return random.choice(VALUES)
    if kind < 0.7:
        return [value(random, depth + 1) for _ in range(random.randint(0, 3))]
    return {random.choice(NAMES): value(random, depth + 1) for _ in range(random.randint(0, 3))}


def fields(random: Random) -> dict[str, Any]:
    texts = (random.choice(TEXTS) for _ in range(random.randint(0, 4)))
    return {random.choice(NAMES): random.choice([text, [text, "1"]]) for text in texts}


@pytest.mark.parametrize("notation", NOTATIONS, ids=range(len(NOTATIONS)))
async def test_hostile_arguments_respond_200_or_422(notation: Any) -> None:
    class Calls:
        @both("POST", "/call", "call")
        @contract(parameters=notation)
        async def call(self, arguments: Annotated[Any, Arguments()]) -> str:
            return repr(arguments)

    bundle = ContractsBundle(
        schemas={"T": {"v": "?int", "n": "?T", "m": {"array": "?T"}}},
        types={"tags": list[int], "pair": tuple[int, str]},
    )
    random = Random(4711)
    async with KernelClient(Application(bundles=[bundle], controllers=[Calls])) as client:
        for _ in range(60):
            for given in (
                {"body": value(random)},
                {"form": fields(random)},
                {"params": fields(random)},
                {"params": fields(random), "body": value(random)},
            ):
                assert (await client.http("call", **given)).status_code in (200, 422), given
            params, body = {random.choice(NAMES): value(random)}, value(random)
            response = await client.websocket("call", params=params, body=body)
            assert response.status_code in (200, 422), (params, body)


@pytest.mark.parametrize("index", ["9" * 5000, "1000", "٣"])  # int() refuses the first one
async def test_invalid_index_in_a_form_is_a_name(index: str) -> None:
    either = {"union": [{"array": "string"}, {"object": {"string": "string"}}]}

    class Calls:
        @both("POST", "/call", "call")
        @contract(parameters={"hosts": either})
        async def call(self, arguments: Annotated[Any, Arguments()]) -> Any:
            return arguments["hosts"]

    application = Application(bundles=[ContractsBundle], controllers=[Calls])
    async with KernelClient(application) as client:
        response = await client.http("call", form={f"hosts[{index}]": "x"})
        assert (response.status_code, response.content) == (200, {index: "x"})
        response = await client.http("call", form={"hosts[12]": "b", "hosts[3]": "a"})
        assert response.content == ["a", "b"]


@pytest.mark.parametrize(("name", "has_hint"), [('{"host": 1}', True), ("host", False)])
async def test_json_sent_as_a_form_is_rejected_with_a_hint(name: str, has_hint: bool) -> None:
    """``curl -d`` sends the media type of a form by default."""

    class Calls:
        @both("POST", "/call", "call")
        @contract(parameters={"count": "number"})
        async def call(self, arguments: Annotated[Any, Arguments()]) -> Any:
            return arguments["count"]

    application = Application(bundles=[ContractsBundle], controllers=[Calls])
    async with KernelClient(application) as client:
        response = await client.http("call", form={name: ""})

    assert response.status_code == 422
    assert ("send JSON with Content-Type: application/json" in str(response.content)) == has_hint


@pytest.mark.parametrize(
    ("type_", "body", "read_as"),
    [
        ("text/plain;charset=UTF-8", b'{"count": 1}', "text"),
        ("text/plain", b" [1]", "text"),
        ("text/plain", b"count", None),
        ("application/octet-stream", b'{"count": 1}', "bytes"),
        (None, b'{"count": 1}', "bytes"),
        ("application/json", b'"{count: 1}"', None),
        ("application/json", b'{"count": "x"}', None),
    ],
)
async def test_json_sent_with_another_media_type_is_rejected_with_a_hint(
    type_: str | None, body: bytes, read_as: str | None
) -> None:
    """``fetch`` of browsers and Node sends a text as text/plain."""

    class Calls:
        @both("POST", "/call", "call")
        @contract(parameters={"count": "number"})
        async def call(self, arguments: Annotated[Any, Arguments()]) -> Any:
            return arguments["count"]

    application = Application(
        bundles=[ContractsBundle],
        controllers=[Calls],
        settings=Settings(http=HttpSettings(host="127.0.0.1", port=0)),
    )
    headers = {} if type_ is None else {"Content-Type": type_}
    async with (
        serving(application),
        ClientSession() as session,
        session.post(
            f"{application.servers['http'].url}/call",
            data=body,
            headers=headers,
            skip_auto_headers=["Content-Type"],
        ) as response,
    ):
        message = (await response.json())["message"]

    hint = f"; the body was read as {read_as}; send JSON with Content-Type: application/json"
    assert response.status == 422
    assert message == "validation failed; see errors" + (hint if read_as else "")
