"""Names of form fields that are paths into a class, and uploads in classes."""

from dataclasses import dataclass, field
from datetime import time
from typing import Annotated, Any, TypedDict
from urllib.parse import urlencode

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from rxkernel import (
    Application,
    Body,
    ConfigurationError,
    KernelClient,
    Request,
    UploadedFile,
    http,
    websocket,
)
from rxkernel.kernel.binding.form_body import form_reader
from rxkernel.kernel.binding.validation_errors import INVALID, ValidationErrors
from rxkernel.kernel.binding.validator import Validator
from rxkernel.pytest_plugin import ClientOf


@attrs.define
class Address:
    city: str
    number: int = 0
    tags: list[str] = attrs.field(factory=list)


@dataclass
class Line:
    sku: str
    count: int = 1
    gift: bool = False
    options: list[str] = field(default_factory=list)


@dataclass
class Order:
    customer: str
    address: Address | None = None
    lines: list[Line] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    prices: dict[str, float] = field(default_factory=dict)
    pair: tuple[int, time] | None = None
    anything: Any = None


class Card(msgspec.Struct, tag="card"):
    number: str
    owner: Address | None = None


class Cash(msgspec.Struct, tag="cash"):
    given: int


@dataclass
class Paid:
    by: Card | Cash


@dataclass
class Tree:
    name: str
    children: list["Tree"] = field(default_factory=list)


@attrs.define
class Page:
    number: int
    scan: UploadedFile
    notes: list[UploadedFile] = attrs.field(factory=list)


@attrs.define
class Dossier:
    title: str
    cover: UploadedFile
    backs: list[UploadedFile] = attrs.field(factory=list)
    extra: UploadedFile | None = None
    pages: list[Page] = attrs.field(factory=list)
    byname: dict[str, UploadedFile] = attrs.field(factory=dict)
    address: Address | None = None


class Row(TypedDict):
    at: time
    scan: UploadedFile


class Sent(msgspec.Struct, rename="camel"):
    photo: UploadedFile
    row: Row
    name: str = msgspec.field(name="full.name")


class Orders:
    @http("POST", "/orders", "order")
    async def order(self, order: Order) -> Any:
        return order

    @http("POST", "/paid", "paid")
    async def paid(self, paid: Paid) -> Any:
        return paid

    @http("POST", "/either", "either")
    async def either(self, card: Card | Cash) -> Any:
        return card

    @http("POST", "/tree", "tree")
    async def tree(self, tree: Tree) -> Any:
        return tree

    @http("POST", "/open", "open")
    async def open(self, order: Annotated[Order, Body(allow_unknown=True)]) -> Any:
        return order

    @http("POST", "/two", "two")
    async def two(self, address: Address, lines: Annotated[list[Line], Body()]) -> Any:
        return [address, lines]

    @http("POST", "/pages", "pages")
    async def pages(
        self,
        page: Page,
        others: Annotated[list[Page], Body()] = [],  # noqa: B006 - copied for each call
        *,
        cover: UploadedFile | None = None,
        title: Annotated[str, Body("title")] = "",
    ) -> Any:
        scans = [each.scan.filename for each in (page, *others)]
        return [title, scans, cover and cover.filename]

    @http("POST", "/struct", "struct")
    async def struct(self, sent: Sent) -> Any:
        return [sent.name, sent.photo.filename, sent.row["at"], sent.row["scan"].filename]

    @http("POST", "/dossier", "dossier")
    async def dossier(self, dossier: Dossier) -> Any:
        return {
            "cover": dossier.cover.filename,
            "backs": [file.filename for file in dossier.backs],
            "extra": dossier.extra and dossier.extra.filename,
            "pages": [
                [page.number, page.scan.filename, [file.filename for file in page.notes]]
                for page in dossier.pages
            ],
            "byname": {name: file.filename for name, file in dossier.byname.items()},
            "address": dossier.address,
        }


@pytest.fixture
def client(client_of: ClientOf) -> KernelClient:
    return client_of(Orders)


URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}


async def post(client: KernelClient, name: str, *fields: tuple[str, Any]) -> Any:
    body = urlencode(fields).encode()
    return await client.http(name, body=body, headers=URLENCODED)


async def errors_of(client: KernelClient, name: str, *fields: tuple[str, Any]) -> dict[str, str]:
    response = await post(client, name, *fields)
    assert response.status_code == 422, response.content
    return {e["path"]: e["message"] for e in response.content["errors"]}


ANN = ("customer", "Ann")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], {}),
        ([("address[city]", "Rome"), ("address[number]", "7")], {"address": Address("Rome", 7)}),
        ([("address.city", "Rome"), ("address.number", "7")], {"address": Address("Rome", 7)}),
        (
            [("address[city]", "Rome"), ("address.tags", "a"), ("address.tags", "b")],
            {"address": Address("Rome", 0, ["a", "b"])},
        ),
        (
            [("address[city]", "Rome"), ("address[tags][]", "a"), ("address[tags][]", "b")],
            {"address": Address("Rome", 0, ["a", "b"])},
        ),
        (
            [("lines[0][sku]", "a"), ("lines[0][count]", "2"), ("lines[1][sku]", "b")],
            {"lines": [Line("a", 2), Line("b")]},
        ),
        (
            [("lines[0].sku", "a"), ("lines[0].gift", "on"), ("lines[1].sku", "b")],
            {"lines": [Line("a", gift=True), Line("b")]},
        ),
        ([("lines.0.sku", "a"), ("lines.1.sku", "b")], {"lines": [Line("a"), Line("b")]}),
        ([("lines[7][sku]", "b"), ("lines[2][sku]", "a")], {"lines": [Line("a"), Line("b")]}),
        (
            [("lines[0][sku]", "a"), ("lines[0][options][]", "x"), ("lines[0][options][]", "y")],
            {"lines": [Line("a", options=["x", "y"])]},
        ),
        ([("tags", "a"), ("tags", "b")], {"tags": ["a", "b"]}),
        ([("tags[]", "a"), ("tags[]", "b")], {"tags": ["a", "b"]}),
        ([("tags[1]", "b"), ("tags[0]", "a")], {"tags": ["a", "b"]}),
        ([("tags[0]", "a"), ("tags[]", "b"), ("tags", "c")], {"tags": ["a", "b", "c"]}),
        ([("numbers[]", "1"), ("numbers[]", ""), ("numbers[]", "2")], {"numbers": {1, 2}}),
        ([("prices[a]", "1.5"), ("prices[7]", "2")], {"prices": {"a": 1.5, "7": 2.0}}),
        ([("prices[a.b c]", "1")], {"prices": {"a.b c": 1.0}}),
        ([("pair[0]", "1"), ("pair[1]", "10:00")], {"pair": (1, time(10))}),
        ([("anything[a]", "1")], {"anything": {"a": "1"}}),
        ([("address", ""), ("lines", ""), ("numbers[]", "")], {}),
        ([("address[city]", "Rome"), ("address[number]", "")], {"address": Address("Rome")}),
    ],
    ids=str,
)
async def test_nested_names_are_read(client: KernelClient, fields: Any, expected: Any) -> None:
    """Rails, PHP and qs write brackets, ASP.NET and Spring dots; all number their items."""
    response = await post(client, "order", ANN, *fields)

    assert response.content == Order("Ann", **expected)


async def test_nested_names_of_a_union_are_read(client: KernelClient) -> None:
    fields = ("by[type]", "card"), ("by[number]", "1"), ("by[owner][city]", "Rome")
    assert (await post(client, "paid", *fields)).content == Paid(Card("1", Address("Rome")))

    assert (await post(client, "paid", ("by.type", "cash"), ("by.given", "5"))).content == Paid(
        Cash(5)
    )
    assert await errors_of(client, "paid", ("by.given", "5")) == {"body.by.type": "is missing"}


async def test_nested_names_of_several_body_parameters_are_read(client: KernelClient) -> None:
    fields = ("address[city]", "Rome"), ("lines[0][sku]", "a"), ("lines[1].sku", "b")

    response = await post(client, "two", *fields)

    assert response.content == [Address("Rome"), [Line("a"), Line("b")]]
    assert await errors_of(client, "two", *fields, ("lines[0][count]", "x"), ("b[c]", "1")) == {
        "body.b[c]": "is not a known field",
        "body.lines[0].count": "expected int",
    }


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ([("address[city]", "a"), ("address", "b")], {"body.address": "is sent as a value and"}),
        ([("address", "b"), ("address.city", "a")], {"body.address": "is sent as a value and"}),
        ([("lines[0]", "x"), ("lines[0][sku]", "a")], {"body.lines[0]": "is sent as a value and"}),
        ([("customer[x]", "1")], {"body.customer": "is sent as a value and"}),
        (
            [("lines[999999999][sku]", "a")],
            {"body.lines[999999999]": "expected an index from 0 to"},
        ),
        ([("lines[1000].sku", "a")], {"body.lines[1000]": "expected an index from 0 to 999"}),
        ([(f"lines[{'9' * 10_000}].sku", "a")], {f"body.lines[{'9' * 50}]": "expected an index"}),
        ([("lines[][sku]", "a")], {"body.lines[]": "expected an index"}),
        ([("lines[x].sku", "a")], {"body.lines": "expected array, got object"}),
        ([("lines[-1].sku", "a")], {"body.lines": "expected array, got object"}),
        ([("lines[\u0661].sku", "a")], {"body.lines": "expected array, got object"}),
        ([("address[]", "a")], {"body.address": "expected object | null, got array"}),
        ([("lines[0][skuu]", "a")], {"body.lines[0].skuu": "is not a known field"}),
        ([("lines[0][sku", "a")], {"body.lines[0][sku": "is not a known field"}),
        ([("lines[0]sku", "a")], {"body.lines[0]sku": "is not a known field"}),
        ([(".city", "a")], {"body..city": "is not a known field"}),
        ([("adress[city]", "a")], {"body.adress": "is not a known field"}),
        ([("adress[city][x][]", "a")], {"body.adress": "is not a known field"}),
        ([("a" + "[a]" * 16, "a")], {"body.a": "is nested too deeply"}),
        ([("a" + ".a" * 100_000, "a")], {"body.a": "is nested too deeply"}),
        ([("pair[0]", "1"), ("pair[5]", "2")], {"body.pair[1]": "expected time (RFC 3339)"}),
        ([("prices[a]", "x")], {"body.prices.a": "expected float"}),
        (
            [("address[number]", "x"), ("lines[3][count]", "y"), ("foo", "z")],
            {
                "body.address.city": "is missing",
                "body.address.number": "expected int",
                "body.lines[0].sku": "is missing",
                "body.lines[0].count": "expected int",
                "body.foo": "is not a known field",
            },
        ),
    ],
    ids=lambda value: str(value)[:80],
)
async def test_nested_name_invalid_is_422(client: KernelClient, fields: Any, errors: Any) -> None:
    found = await errors_of(client, "order", ANN, *fields)

    for path, message in errors.items():
        assert any(p.startswith(path) and m.startswith(message) for p, m in found.items()), found


async def test_nested_unknown_name_is_ignored_with_allow_unknown(client: KernelClient) -> None:
    fields = ANN, ("x[y]", "1"), ("address[city]", "Rome"), ("address[x][y]", "1")

    assert (await post(client, "open", *fields)).content == Order("Ann", Address("Rome"))


async def test_nested_name_of_recursive_class_is_bounded(client: KernelClient) -> None:
    name = "children[0]" * 7
    response = await post(client, "tree", ("name", "a"), *names_of_tree(name))
    assert response.status_code == 200

    found = await errors_of(client, "tree", ("name", "a"), ("children[0]" * 500 + "[name]", "x"))
    assert set(found.values()) == {"is nested too deeply"}


def names_of_tree(deepest: str) -> list[tuple[str, str]]:
    places = deepest.replace("[0]", "[0].").removesuffix(".").split(".")
    return [(".".join(places[:n]) + ".name", "x") for n in range(1, len(places) + 1)]


WORDS = st.sampled_from(
    [
        *("address", "city", "lines", "sku", "count", "prices", "pair", "tags", "anything", "by"),
        *("number", "owner", "type", "0", "1", "999", "1000", "01", "", "x", "a.b", "[", "]"),
    ]
)
PARTS = st.one_of(WORDS.map(lambda word: f"[{word}]"), WORDS.map(lambda word: f".{word}"), WORDS)
NAMES = st.tuples(WORDS, st.lists(PARTS, max_size=4)).map(lambda each: each[0] + "".join(each[1]))
VALUES = st.sampled_from(["", "1", "x", "on", "null", "10:00", {"city": "a"}, [1], None, 1.5])
READERS = [form_reader(Validator(type_), "value", "body") for type_ in (Order, Paid, Card | Cash)]


@given(st.lists(st.tuples(NAMES | st.text(max_size=5), VALUES), max_size=6))
def test_form_with_any_names_is_read_or_rejected(fields: list[tuple[str, Any]]) -> None:
    """No client input may end in a 500, and errors and values exclude each other."""
    for read in READERS:
        errors = ValidationErrors()
        request = Request("HTTP", body=MultiDict(fields))

        assert (read(request, errors) is INVALID) == bool(errors.entries)


async def test_json_class_is_not_read_by_names_with_brackets(client: KernelClient) -> None:
    response = await client.http("order", body={"customer": "Ann", "address[city]": "Rome"})

    assert [e["path"] for e in response.content["errors"]] == ["body.address[city]"]


def file(name: str, content_type: str = "image/gif", content: bytes = b"GIF") -> UploadedFile:
    return UploadedFile(name, content, content_type)


async def test_uploads_fill_fields_of_a_class(client: KernelClient) -> None:
    response = await client.http(
        "dossier",
        form={"title": "A", "pages[0].number": "1", "pages[1][number]": "2", "address.city": "x"},
        files={
            "cover": file("c"),
            "backs": [file("b1"), file("b2")],
            "backs[]": file("b3"),
            "pages[0].scan": file("p0"),
            "pages[1][scan]": file("p1"),
            "pages[1][notes][]": [file("n1"), file("n2")],
            "byname[x]": file("x"),
            "unknown": file("u"),
            "pages[0].unknown": file("u"),
        },
    )

    assert response.content == {
        "cover": "c",
        "backs": ["b1", "b2", "b3"],
        "extra": None,
        "pages": [[1, "p0", []], [2, "p1", ["n1", "n2"]]],
        "byname": {"x": "x"},
        "address": Address("x"),
    }


async def test_uploads_fill_classes_of_several_body_parameters(client: KernelClient) -> None:
    """Files of other names are ignored, as for any action."""
    form = {"page[number]": "1", "others[0].number": "2", "title": "A"}
    files = {"page[scan]": file("p"), "others[0].scan": file("o"), "cover": file("c")}

    response = await client.http("pages", form=form, files={**files, "title[x]": file("t")})
    assert response.content == ["A", ["p", "o"], "c"]

    deep = {**form, "page" + "[a]" * 20: "x"}
    response = await client.http("pages", form=deep, files=files)
    (error,) = response.content["errors"]
    assert (error["path"], error["code"]) == ("body.page", "too_deep")

    response = await client.http("pages", form={}, files={"cover": file("c")})
    (error,) = response.content["errors"]
    assert (error["path"], error["code"]) == ("body.page", "missing")


async def test_uploads_fill_structs_and_typed_dicts(client: KernelClient) -> None:
    """A field with exactly this name wins, even if the name looks like a path."""
    response = await client.http(
        "struct",
        form={"full.name": "Ann", "row[at]": "10:00"},
        files={"photo": file("p"), "row[scan]": file("s")},
    )

    assert response.content == ["Ann", "p", time(10), "s"]


async def test_value_with_json_part_and_its_parts_is_422(client: KernelClient) -> None:
    part = file("blob", "application/json", b'{"city":"Rome"}')
    sent = {"title": "A", "address[number]": "1", "pages[0].number": "1"}
    pages = file("blob", "application/json", b"[]")
    files = {"cover": file("c"), "address": part, "pages": pages}

    response = await client.http("dossier", form=sent, files=files)

    paths = [error["path"] for error in response.content["errors"]]
    assert sorted(paths) == ["body.address", "body.pages"]


async def test_json_parts_fill_nested_fields_and_uploads_stay_files(client: KernelClient) -> None:
    json = "application/json"
    response = await client.http(
        "dossier",
        form={"title": "A", "pages[0].number": "1"},
        files={
            "cover": file("c.json", json, b"{oops"),
            "pages[0].scan": file("blob", json, b"{oops"),
            "address": file("address.json", json, b'{"city":"Rome"}'),
        },
    )

    assert response.content["pages"] == [[1, "blob", []]]
    assert response.content["address"] == Address("Rome")


async def test_json_part_fills_field_of_a_union_whatever_its_file_name(
    client: KernelClient,
) -> None:
    owner = file("owner.json", "application/json", b'{"city":"Rome"}')
    too_deep = file("deep.json", "application/json", b"{oops")

    response = await client.http(
        "either",
        form={"type": "card", "number": "1"},
        files={"owner": owner, "owner" + "[a]" * 20: too_deep},
    )

    assert response.content["errors"][0]["code"] == "too_deep"
    form = {"type": "card", "number": "1"}
    response = await client.http("either", form=form, files={"owner": owner})
    assert response.content == Card("1", Address("Rome"))


async def test_json_part_of_nested_field_text_for_int_is_422(client: KernelClient) -> None:
    part = file("blob", "application/json", b'{"city":"Rome","number":"7"}')
    response = await client.http(
        "dossier", form={"title": "A"}, files={"cover": file("c"), "address": part}
    )

    (error,) = response.content["errors"]
    assert (error["path"], error["message"]) == ("body.address.number", "expected int, got str")


@pytest.mark.parametrize(
    ("form", "files", "errors"),
    [
        ({"title": "A"}, {}, {"body.cover": "is missing"}),
        ({"title": "A", "cover": ""}, {}, {"body.cover": "is missing"}),
        ({"title": "A", "cover": "text"}, {}, {"body.cover": "expected file"}),
        ({}, {"cover": file("c"), "title": file("t")}, {"body.title": "expected str, got file"}),
        (
            {"title": "A", "pages[0].number": "1"},
            {"cover": file("c")},
            {"body.pages[0].scan": "is missing"},
        ),
    ],
)
async def test_upload_of_class_missing_or_text_is_422(
    client: KernelClient, form: Any, files: Any, errors: Any
) -> None:
    response = await client.http("dossier", form=form, files=files)

    assert response.status_code == 422
    assert {e["path"]: e["message"] for e in response.content["errors"]} == errors


async def test_upload_of_class_in_json_is_422(client: KernelClient) -> None:
    response = await client.http("dossier", body={"title": "A", "cover": "text"})

    (error,) = response.content["errors"]
    assert (error["path"], error["message"]) == ("body.cover", "expected file, got str")


def controller_of(label: Any, type_: Any) -> type:
    async def action(self: Any, value: Any) -> None: ...

    action.__annotations__ = {"value": type_}
    return type("Controller", (), {"action": label(action)})


@attrs.define
class Optional:
    name: str
    photo: UploadedFile | None = None


@pytest.mark.parametrize(
    ("label", "type_", "message"),
    [
        (websocket("a"), Dossier, "cannot be sent over a socket"),
        (http("GET", "/a", "a"), Annotated[Dossier, Body()], "GET has no body for uploads"),
        (http("POST", "/a", "a"), dict[str, UploadedFile], "an upload must be"),
        (http("POST", "/a", "a"), tuple[Dossier, UploadedFile], "an upload must be"),
        (http("POST", "/a", "a"), Annotated[UploadedFile, Body()], "an upload must be"),
    ],
)
async def test_upload_in_body_that_no_form_can_send_is_rejected_at_boot(
    label: Any, type_: Any, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        await Application(controllers=[controller_of(label, type_)]).boot()


async def test_class_with_optional_upload_is_read_over_a_socket(client_of: ClientOf) -> None:
    class Both:
        @http("POST", "/both", "both")
        @websocket("both")
        async def both(self, sent: Optional) -> Any:
            return [sent.name, sent.photo and sent.photo.filename]

    client = client_of(Both)
    response = await client.http("both", form={"name": "a"}, files={"photo": file("p")})
    assert response.content == ["a", "p"]
    assert (await client.websocket("both", body={"name": "a"})).content == ["a", None]
