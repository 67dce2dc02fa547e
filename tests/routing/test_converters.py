"""Converters of an application: accepted values, errors at boot, and the winning route."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Protocol

import attrs
import pytest

from rxkernel import (
    Application,
    ConfigurationError,
    Converter,
    HttpException,
    HttpMetadata,
    KernelClient,
    Request,
    RxKernelError,
    http,
)
from rxkernel.routing.converters import own_kinds
from rxkernel.routing.kinds import KINDS
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.router import Router
from tests.routing.matching import match

SLUG = Converter("[a-z0-9]+(?:-[a-z0-9]+)*")
DAY = Converter("[0-9]{4}-[0-9]{2}-[0-9]{2}", date.fromisoformat)


@attrs.frozen
class Point:
    x: int
    y: int


class Color(Enum):
    RED = "red"


def read_point(text: str) -> Point:
    x, y = text.split(",")
    return Point(int(x), int(y))


POINT = Converter("[0-9]+,[0-9]+", read_point, lambda point: f"{point.x},{point.y}")


def template(text: str, **converters: Converter) -> PathTemplate:
    kinds, problems = own_kinds(converters)
    assert problems == []
    return PathTemplate.parse(text, kinds)


def router_of(*texts: str, **converters: Converter) -> Router[str]:
    router: Router[str] = Router()
    for text in texts:
        router.add("GET", template(text, **converters), text, text)
    return router


class Days:
    @http("GET", "/days/{day:day}", "day")
    async def day(self, request: Request) -> Any:
        return repr(request.params["day"])

    @http("GET", "/typed/{day:day}", "typed")
    async def typed(self, day: date) -> Any:
        return repr(day)


def client_of(*controllers: type, **converters: Converter) -> KernelClient:
    return KernelClient(Application(controllers=controllers, converters=converters))


@pytest.mark.parametrize("name", ["day", "typed"])
@pytest.mark.parametrize("given", ["2024-02-29", date(2024, 2, 29)])
async def test_converter_value_is_passed_to_action(name: str, given: object) -> None:
    async with client_of(Days, day=DAY) as client:
        assert (await client.http(name, params={"day": given})).content == repr(date(2024, 2, 29))


class Sku:
    """A class that typed actions cannot read from JSON."""

    def __init__(self, code: str) -> None:
        self.code = code


class Mixed(Enum):
    """A class that msgspec cannot read."""

    NONE = 0
    ALL = "all"


class HasCode(Protocol):
    code: str


OWN = {
    "sku": Converter("[A-Z]{3}", Sku, lambda sku: sku.code),
    "point": POINT,
    "mixed": Converter("all", Mixed, lambda mixed: mixed.value),
    "ids": Converter("[0-9]+(?:,[0-9]+)*", lambda text: [int(n) for n in text.split(",")]),
    "raw": Converter("[a-f]+", str.encode),
}


@pytest.mark.parametrize(
    ("kind", "type_", "text", "shown"),
    [
        ("sku", Sku, "ABC", "Sku"),
        ("sku", Sku | None, "ABC", "Sku"),
        ("sku", Sku | str, "ABC", "Sku"),
        ("sku", Annotated[Sku, "extra"], "ABC", "Sku"),
        ("sku", HasCode, "ABC", "Sku"),
        ("sku", Any, "ABC", "Sku"),
        ("point", Point, "1,2", "Point"),
        ("mixed", Mixed, "all", "Mixed"),
        ("ids", list[int], "1,2", "list"),
        ("raw", bytes, "abc", "bytes"),
    ],
)
async def test_typed_action_takes_converter_value_of_any_class(
    kind: str, type_: Any, text: str, shown: str
) -> None:
    class Shop:
        async def show(self, x: Any, page: int = 1) -> list[Any]:
            return [type(x).__name__, page]

    Shop.show.__annotations__["x"] = type_
    http("GET", f"/{{x:{kind}}}", "show")(Shop.show)
    client = client_of(Shop, **OWN)

    response = await client.http("show", params={"x": text, "page": "2"})
    assert (response.status_code, response.content) == (200, [shown, 2])
    assert (await client.http("show", params={"x": "?"})).status_code == 404
    await client.close()


async def test_typed_action_of_other_class_than_converter_value_is_500(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Shop:
        @http("GET", "/{x:point}", "show")
        async def show(self, x: Sku) -> None: ...

    client = client_of(Shop, **OWN)

    response = await client.http("show", params={"x": "1,2"})

    assert response.status_code == 500
    assert "converter of {x} returned Point(x=1, y=2)" in caplog.text
    await client.close()


async def test_typed_action_takes_converter_value_and_body() -> None:
    class Shop:
        @http("POST", "/{at:point}", "add")
        async def add(self, at: Point, other: Point) -> list[Point]:
            return [at, other]

    client = client_of(Shop, **OWN)

    response = await client.http("add", params={"at": "1,2"}, body={"x": 3, "y": 4})
    assert response.content == [Point(1, 2), Point(3, 4)]
    await client.close()


async def test_typed_action_called_without_converted_parameter_is_422() -> None:
    """A bundle may call a handler itself."""

    class Shop:
        @http("GET", "/{x:sku}", "show")
        async def show(self, x: Sku) -> None: ...

    client = client_of(Shop, **OWN)
    await client.http("show", params={"x": "ABC"})
    definition = client.application.kernel.http_definitions["show"]

    with pytest.raises(HttpException) as caught:
        await definition.handler(Request("HTTP"))
    assert caught.value.status_code == 422
    await client.close()


@pytest.mark.parametrize("given", ["2024-02-30", "20240229", "x", 7])
async def test_converter_that_raises_value_error_does_not_match(given: object) -> None:
    async with client_of(Days, day=DAY) as client:
        assert (await client.http("day", params={"day": given})).status_code == 404


async def test_converter_that_returns_none_does_not_match() -> None:
    words = {"one": 1, "two": 2}
    router = router_of("/{n:word}", "/{x}", word=Converter("[a-z]+", words.get))

    assert match(router, "GET", "/two") == ("/{n:word}", {"n": 2})
    assert match(router, "GET", "/six") == ("/{x}", {"x": "six"})


def test_converter_false_value_matches() -> None:
    router = router_of("/{n:zero}", zero=Converter("0", int))

    assert match(router, "GET", "/0") == ("/{n:zero}", {"n": 0})


def test_converter_value_error_tries_next_template() -> None:
    router = router_of("/{d:day}", "/{x}", day=DAY)

    assert match(router, "GET", "/2024-02-30") == ("/{x}", {"x": "2024-02-30"})


def test_converter_other_exception_raises() -> None:
    """A bug is not a mismatch: the response is 500, and the exception is logged."""
    numbers: dict[str, int] = {}
    router = router_of("/{x:bad}", bad=Converter("[a-z]", numbers.__getitem__))

    with pytest.raises(KeyError):
        match(router, "GET", "/a")


def test_own_converters_rank_after_float_and_before_str() -> None:
    kinds = ["{p:path}", "{s}", "{b:b}", "{a:a}", "{f:float}", "{i:int}"]
    texts = [f"/{kind}" for kind in kinds]
    router = router_of(*texts, a=Converter("[0-9a.]+"), b=Converter("[0-9ab.]+"))

    found = [match(router, "GET", path)[0] for path in ("/7", "/7.5", "/a", "/ab", "/é", "/x/y")]

    assert found == ["/{i:int}", "/{f:float}", "/{a:a}", "/{b:b}", "/{s}", "/{p:path}"]


def test_own_converters_at_same_position_are_all_tried() -> None:
    router = router_of("/x/{a:a}", "/x/{b:b}", a=Converter("a+"), b=Converter("b+"))

    assert match(router, "GET", "/x/aa") == ("/x/{a:a}", {"a": "aa"})
    assert match(router, "GET", "/x/bb") == ("/x/{b:b}", {"b": "bb"})


def test_two_routes_with_same_own_converter_raise() -> None:
    with pytest.raises(ConfigurationError, match="match the same requests"):
        router_of("/{a:slug}", "/{b:slug}/", slug=SLUG)


@pytest.mark.parametrize(
    ("text", "path", "values"),
    [
        ("/{slug:slug}-{id:int}", "/my-post-42", {"slug": "my-post", "id": 42}),
        ("/{slug:slug}.{format}", "/my-post.tar.gz", {"slug": "my-post", "format": "tar.gz"}),
        ("/{slug:slug}-{n:int}-{b}", "/p-q-7-r-x", {"slug": "p-q", "n": 7, "b": "r-x"}),
        ("/on-{day:day}.ics", "/on-2024-02-29.ics", {"day": date(2024, 2, 29)}),
    ],
)
def test_own_converter_in_mixed_segment_matches(
    text: str, path: str, values: Mapping[str, object]
) -> None:
    assert match(router_of(text, slug=SLUG, day=DAY), "GET", path) == (text, values)


def test_own_converter_matches_within_one_segment() -> None:
    """A decoded ``%2F`` is data of its segment, which a converter may accept."""
    router = router_of("/{x:any}", any=Converter("(?s:.+)"))

    assert match(router, "GET", "/a%2Fb") == ("/{x:any}", {"x": "a/b"})
    assert router.allowed("/a/b") == []


@pytest.mark.parametrize(
    ("text", "value", "path"),
    [
        ("/{x:day}", date(2024, 2, 29), "/2024-02-29"),
        ("/{x:day}", "2024-02-29", "/2024-02-29"),
        ("/{x:point}", Point(1, 2), "/1,2"),
        ("/{x:point}", "1,2", "/1,2"),
        ("/{x:color}", Color.RED, "/red"),
        ("/{x:slug}", 7, "/7"),
    ],
)
def test_format_value_or_text_is_written(text: str, value: object, path: str) -> None:
    color = Converter("[a-z]+", Color, lambda color: str(color.value))
    built = template(text, day=DAY, point=POINT, color=color, slug=SLUG)

    assert built.format(x=value) == path


@pytest.mark.parametrize("value", [None, "A b", "a\0", "\ud800", b"a", object()])
def test_format_value_that_does_not_match_raises(value: object) -> None:
    with pytest.raises(ValueError, match="not a valid slug"):
        template("/{x:slug}", slug=SLUG).format(x=value)


def test_format_text_that_to_python_rejects_raises() -> None:
    with pytest.raises(ValueError, match="not a valid day"):
        template("/{x:day}", day=DAY).format(x="2024-02-30")


def test_format_to_text_fails_or_returns_no_str_raises() -> None:
    broken = Converter("[a-z]+", str, lambda value: 7)  # type: ignore[arg-type, return-value]

    with pytest.raises(TypeError, match="to_text of converter 'x' returned 7; it must be a str"):
        template("/{v:x}", x=broken).format(v=1)
    with pytest.raises(ValueError, match="not a valid x"):
        template("/{v:x}", x=Converter("a", str, lambda value: str(int("z")))).format(v=1)


async def test_kernel_client_text_for_converter_without_to_text_is_passed() -> None:
    class Prices:
        @http("GET", "/{price:money}", "price")
        async def show(self, price: Decimal) -> str:
            return str(price)

    money = Converter("[0-9]+,[0-9]{2}", lambda text: Decimal(text.replace(",", ".")))

    async with client_of(Prices, money=money) as client:
        assert (await client.http("price", params={"price": "12,34"})).content == "12.34"


async def test_two_applications_have_separate_converters() -> None:
    class Codes:
        @http("GET", "/{code:code}", "code")
        async def show(self, request: Request) -> str:
            return repr(request.params["code"])

    async with (
        client_of(Codes, code=Converter("[0-9]+", int)) as numbers,
        client_of(Codes, code=Converter("[a-z]+")) as words,
    ):
        assert (await numbers.http("code", params={"code": "7"})).content == "7"
        assert (await numbers.http("code", params={"code": "x"})).status_code == 404
        assert (await words.http("code", params={"code": "x"})).content == "'x'"


async def test_metadata_added_by_hand_may_name_a_converter() -> None:
    """Metadata exists before the application: syntax is checked first, converters at boot."""
    metadata = HttpMetadata(Days, "archive", "/archive/{day:day}", "GET", "day")
    application = Application(controllers=[Days], converters={"day": DAY})
    application.http_metadata_storage.add(metadata)

    assert metadata.syntax.shape == "/archive/{:day}"
    async with KernelClient(application) as client:
        definition = application.kernel.http_definitions["archive"]
        assert definition.path == "/archive/{day:day}"
        assert definition.metadata is metadata
        assert list(definition.template.parameters) == ["day"]
        response = await client.http("archive", params={"day": "2024-01-01"})
        assert response.content == "datetime.date(2024, 1, 1)"


async def problems_of(*controllers: type, converters: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        await Application(controllers=controllers, converters=converters).boot()
    return caught.value.problems


async def test_unknown_converter_is_reported_with_place_nearest_and_list() -> None:
    problem, _ = await problems_of(Days, converters={"days": DAY, "slug": SLUG})

    assert problem.startswith("route 'day' (tests.routing.test_converters.Days.day): ")
    assert "unknown converter 'day': did you mean 'days'? use one of int, uuid" in problem
    assert problem.endswith("path, days, slug.")


async def async_to_python(text: str) -> str:
    return text


@pytest.mark.parametrize(
    ("name", "converter", "problem"),
    [
        ("int", SLUG, "converter 'int' has the name of a built-in one; choose another name"),
        ("a-b", SLUG, "converter 'a-b' has an invalid name; use letters"),
        ("", SLUG, "converter '' has an invalid name; use letters"),
        (7, SLUG, "converter 7 has an invalid name; use letters"),
        ("x", "[a-z]+", "converter 'x' is '[a-z]+', which is not a Converter; write Converter('["),
        ("x", Converter, "converter 'x' is <class 'rxkernel.routing.converters.Converter'>, "),
        ("x", Converter(7), "converter 'x' has the pattern 7; pass a str"),  # type: ignore[arg-type]
        ("x", Converter("["), "'[', which is not a valid regular expression (unterminated"),
        ("x", Converter("a{9999999999}"), "which is not a valid regular expression ("),
        ("x", Converter("[[a]"), "is not a valid regular expression (Possible nested set"),
        ("x", Converter("(a)"), "'(a)', which has a capturing group; write '(?:…)' instead of"),
        ("x", Converter("(?P<n>a)"), "which has a capturing group; write '(?:…)' instead of"),
        ("x", Converter("[a-z]*"), "'[a-z]*', which matches an empty text; require a character"),
        ("x", Converter("(?i)a"), "which has flags for the whole expression; write '(?i:…)' in"),
        ("x", Converter("a", 7), "has the to_python 7; pass a function"),  # type: ignore[arg-type]
        ("x", Converter("a", str, None), "has the to_text None; pass a function"),  # type: ignore[arg-type]
        ("x", Converter("a", async_to_python), "has a to_python that is an async def; use a"),
    ],
)
async def test_converter_invalid_raises_at_boot(name: Any, converter: Any, problem: str) -> None:
    (found,) = await problems_of(converters={name: converter})

    assert problem in found


async def test_converters_not_a_mapping_raise() -> None:
    (found,) = await problems_of(converters=[SLUG])

    assert "it must map names to converters, as in converters={" in found


async def test_all_problems_of_converters_are_reported_at_once() -> None:
    """A route with an invalid converter is not reported in addition."""

    class Broken:
        @http("GET", "/{x:bad}", "bad")
        async def bad(self, request: Request) -> None: ...

        @http("GET", "/{x:none}", "none")
        async def none(self, request: Request) -> None: ...

    bad = Converter("(a*)", 7)  # type: ignore[arg-type]
    problems = await problems_of(Broken, converters={"bad": bad, "str": SLUG})

    assert [problem.split(",")[0] for problem in problems] == [
        "converter 'bad' has the pattern '(a*)'",
        "converter 'bad' has the to_python 7; pass a function",
        "converter 'str' has the name of a built-in one; choose another name",
        "route 'none' (tests.routing.test_converters.test_all_problems_of_converters_are_reported"
        "_at_once.<locals>.Broken.none): Path template '/{x:none}' has an unknown converter 'none'"
        ": use one of int",
    ]


def test_mixed_segment_own_converters_do_not_backtrack() -> None:
    """As with text parameters: linear in the path, whatever their number."""
    names = "-".join(f"{{p{n}:any}}" for n in range(30))
    built = template(f"/{names}.pdf", any=Converter(".+"))

    assert built.segments[0].match("-" * 8000) is None


def test_own_converters_do_not_change_built_in_ones() -> None:
    kinds, _ = own_kinds({"slug": SLUG})

    assert "slug" not in KINDS
    assert {name: kinds[name] for name in KINDS} == KINDS


async def test_application_converters_cannot_change_after_boot() -> None:
    application = Application()
    application.converters = {"day": DAY}
    await application.boot()
    with pytest.raises(RxKernelError, match=r"application\.converters is set after boot"):
        application.converters = {}
    await application.stop()
