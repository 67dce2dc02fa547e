"""The router: the winning route, errors, and constant cost."""

import re
import sys
from collections.abc import Callable
from types import FrameType
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkernel.exceptions import (
    BadRequestException,
    ConfigurationError,
    HttpException,
    MethodNotAllowedException,
    NotFoundException,
)
from rxkernel.routing.converters import Converter, own_kinds
from rxkernel.routing.kinds import STR
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.router import Router
from tests.routing.matching import match


def router_of(*routes: str) -> Router[str]:
    """A router with the routes ``"METHOD /template"``; the target of each is its own text."""
    router: Router[str] = Router()
    for route in routes:
        method, _, path = route.partition(" ")
        router.add(method, PathTemplate.parse(path), route, route)
    return router


def test_static_path_is_found_with_or_without_trailing_slash() -> None:
    """A trailing slash of a request is ignored; a second one is an empty segment."""
    router = router_of("GET /", "GET /users", "GET /users/{id}/posts")

    assert match(router, "GET", "/users") == ("GET /users", {})
    assert match(router, "GET", "/users/") == ("GET /users", {})
    assert match(router, "GET", "/users/1/posts/") == ("GET /users/{id}/posts", {"id": "1"})
    for root in ("/", ""):
        assert match(router, "GET", root) == ("GET /", {})
    for unknown in ("//", "/users//", "//users", "/users/1/posts//", "/users//posts"):
        with pytest.raises(NotFoundException):
            match(router, "GET", unknown)


@pytest.mark.parametrize("path", ["/Users", "/users/a/b/c", "*", "users", "http://x/users", "?"])
def test_unknown_path_is_404(path: str) -> None:
    """RFC 9110 §15.5.5; paths are case-sensitive (RFC 3986 §6.2.2.1) and begin with a slash."""
    router = router_of("GET /users", "GET /users/{id}")

    assert router.allowed(path) == []
    with pytest.raises(NotFoundException):
        match(router, "GET", path)


@pytest.mark.parametrize(
    "path", ["/%", "/a%2", "/%zz", "/u/%ff", "/%C3/%A8", "/%ED%A0%80", "/\udcff"]
)
def test_path_that_cannot_be_decoded_is_400(path: str) -> None:
    """RFC 3986 §2.1, RFC 3629 §3; aiohttp passes invalid bytes as lone surrogates."""
    router = router_of("GET /u/{x}")

    with pytest.raises(BadRequestException, match="The path "):
        match(router, "GET", path)
    with pytest.raises(BadRequestException, match="The path "):
        router.allowed(path)


@pytest.mark.parametrize("path", ["/u/a%00b", "/u/a\0b", "/nowhere/%00"])
def test_path_with_nul_is_400(path: str) -> None:
    """A NUL ends a string in C; file systems and most databases reject it."""
    with pytest.raises(BadRequestException, match="NUL"):
        match(router_of("GET /u/{x}"), "GET", path)


def test_path_is_split_before_decoding() -> None:
    """RFC 3986 §2.2: an encoded delimiter is data."""
    router = router_of("GET /u/{x}", "GET /u/a/b", "GET /caffè/100%", "GET /f/{p:path}")

    assert match(router, "GET", "/u/a%2Fb") == ("GET /u/{x}", {"x": "a/b"})
    assert match(router, "GET", "/u/%2F/") == ("GET /u/{x}", {"x": "/"})
    assert match(router, "GET", "/f/a%2Fb/c%20d/") == ("GET /f/{p:path}", {"p": "a/b/c d/"})
    assert match(router, "GET", "/%63aff%C3%A8/100%25") == ("GET /caffè/100%", {})
    with pytest.raises(BadRequestException):
        match(router, "GET", "/caffè/100%")


def test_path_converter_keeps_slashes_and_is_never_empty() -> None:
    """`{x:path}` takes one or more characters, slashes included."""
    router = router_of("GET /f/{p:path}")

    for value in ("a", "a/", "a//b", "/", "//", "/a", "a/b/c/d/e/f"):
        assert match(router, "GET", f"/f/{value}")[1] == {"p": value}
    for path in ("/f", "/f/"):
        assert router.allowed(path) == []


def test_most_specific_segment_wins_from_the_left() -> None:
    """literal > mixed > int > uuid > float > str > path, in any order of registration."""
    kinds = ["p:path", "s", "f:float", "u:uuid", "i:int"]
    router = router_of(*(f"GET /{{{kind}}}" for kind in kinds), "GET /v{x}", "GET /7")
    identifier = "12345678-1234-5678-1234-56781234abcd"

    paths = ["/7", "/v7", "/8", f"/{identifier}", "/7.5", "/x", "/x/y"]

    assert [match(router, "GET", path)[0] for path in paths] == [
        "GET /7",
        "GET /v{x}",
        "GET /{i:int}",
        "GET /{u:uuid}",
        "GET /{f:float}",
        "GET /{s}",
        "GET /{p:path}",
    ]


def test_pattern_ranks_like_mixed_segments_before_int() -> None:
    """A pattern is written for one route, so it is more specific than any converter."""
    router = router_of("GET /{i:int}", "GET /{y:/[0-9]{4}/}", "GET /1{x}", "GET /2000")

    paths = ["/2000", "/2001", "/1999", "/123", "/7"]

    assert [match(router, "GET", path)[0] for path in paths] == [
        "GET /2000",
        "GET /{y:/[0-9]{4}/}",
        "GET /{y:/[0-9]{4}/}",
        "GET /1{x}",
        "GET /{i:int}",
    ]


def test_pattern_returns_text_and_matches_within_one_segment() -> None:
    """Percent-encoding is decoded before; a trailing slash belongs to no parameter."""
    router = router_of("GET /{x:/.+/}/b", "GET /f/{y:/[a-z]+/}")

    assert match(router, "GET", "/a%2Fa/b/") == ("GET /{x:/.+/}/b", {"x": "a/a"})
    assert match(router, "GET", "/f/%61bc") == ("GET /f/{y:/[a-z]+/}", {"y": "abc"})
    for unknown in ("/a/a/b", "//b", "/f/7", "/f/", "/f/a/b"):
        assert router.allowed(unknown) == []


def test_two_routes_with_same_pattern_raise() -> None:
    """Two patterns that differ may match the same paths: the first added wins then."""
    with pytest.raises(ConfigurationError, match="match the same requests"):
        router_of("GET /{a:/[0-9]+/}", "GET /{b:/[0-9]+/}")
    assert match(router_of("GET /{a:/[0-9]+/}", "GET /{b:/[0-9]*7/}"), "GET", "/7") == (
        "GET /{a:/[0-9]+/}",
        {"a": "7"},
    )


def test_equally_specific_segments_first_added_wins() -> None:
    """Ties keep registration order."""
    assert match(router_of("GET /a{x}", "GET /{x}b"), "GET", "/a-b")[0] == "GET /a{x}"
    assert match(router_of("GET /{x}b", "GET /a{x}"), "GET", "/a-b")[0] == "GET /{x}b"


def test_mixed_segments_first_added_is_tried_first_for_all_methods() -> None:
    """Of two mixed segments with the same beginning, the first added is tried first."""
    router = router_of("GET /x/a{s}", "POST /y/{s}b", "GET /x/{s}b/c", "GET /y/a{s}/c")
    late = ("GET /x/{s}b", "GET /x/a{s}/c", "GET /y/a{s}", "GET /y/{s}b", "GET /y/{s}b/c")
    for route in late:
        router.add("GET", PathTemplate.parse(route.removeprefix("GET ")), route, route)

    for path, first in {"/x/a-b": "/x/a{s}", "/y/a-b": "/y/{s}b"}.items():
        assert match(router, "GET", path)[0] == f"GET {first}"
        assert match(router, "GET", f"{path}/c")[0] == f"GET {first}/c"


def test_mixed_segment_order_does_not_depend_on_later_segments() -> None:
    """A literal in a later segment does not change the order."""
    router = router_of("GET /a{x}/{y}", "GET /{x}b/c", "GET /{x}/c", "GET /{x}-{y:int}/{p:path}")

    assert match(router, "GET", "/a-b/c") == ("GET /a{x}/{y}", {"x": "-b", "y": "c"})
    assert match(router, "GET", "/b-b/c") == ("GET /{x}b/c", {"x": "b-"})
    assert match(router, "GET", "/b-7/c") == (
        "GET /{x}-{y:int}/{p:path}",
        {"x": "b", "y": 7, "p": "c"},
    )
    assert match(router, "GET", "/b-x/c") == ("GET /{x}/c", {"x": "b-x"})


def test_specific_segment_without_match_tries_less_specific_one() -> None:
    """The router backtracks: a more specific beginning must not hide a template that matches."""
    router = router_of("GET /a/{i:int}/x", "GET /a/{s}/y", "GET /{t}/5/z", "GET /a/{p:path}")

    assert match(router, "GET", "/a/5/x") == ("GET /a/{i:int}/x", {"i": 5})
    assert match(router, "GET", "/a/5/y") == ("GET /a/{s}/y", {"s": "5"})
    assert match(router, "GET", "/a/5/z") == ("GET /a/{p:path}", {"p": "5/z"})
    assert match(router, "GET", "/b/5/z") == ("GET /{t}/5/z", {"t": "b"})


def test_method_not_in_best_match_is_found_in_other_matches() -> None:
    """405 only if no matching template has the method; `Allow` has the methods of all."""
    router = router_of("GET /u/me", "PUT /u/{id:int}", "DELETE /u/{name}", "PATCH /{p:path}")

    assert match(router, "DELETE", "/u/me") == ("DELETE /u/{name}", {"name": "me"})
    assert match(router, "PATCH", "/u/7") == ("PATCH /{p:path}", {"p": "u/7"})
    with pytest.raises(MethodNotAllowedException) as caught:
        match(router, "PUT", "/u/me")
    assert caught.value.headers == {"Allow": "DELETE, GET, HEAD, OPTIONS, PATCH"}
    assert router.allowed("/u/7") == ["DELETE", "OPTIONS", "PATCH", "PUT"]


def test_get_route_without_head_is_405_for_head() -> None:
    router: Router[str] = Router()
    router.add("GET", PathTemplate.parse("/a"), "a", "a", head=False)

    assert router.find("GET", "/a") == ("a", {})
    assert router.find("HEAD", "/a") is None
    assert router.error_for("HEAD", "/a").headers == {"Allow": "GET, OPTIONS"}


@pytest.mark.parametrize("order", [("GET /{x}", "HEAD /{y}"), ("HEAD /{y}", "GET /{x}")])
def test_head_uses_get_route_unless_added(order: tuple[str, str]) -> None:
    """RFC 9110 §9.3.2."""
    assert match(router_of("GET /{x}"), "HEAD", "/a") == ("GET /{x}", {"x": "a"})
    assert match(router_of(*order), "HEAD", "/a") == ("HEAD /{y}", {"y": "a"})
    assert match(router_of(*order), "GET", "/a") == ("GET /{x}", {"x": "a"})


def test_options_is_allowed_but_has_no_route() -> None:
    """RFC 9110 §9.3.7: an adapter responds to OPTIONS with `allowed`, if no route handles it."""
    router = router_of("POST /a", "OPTIONS /b")

    assert router.allowed("/a") == ["OPTIONS", "POST"]
    assert match(router, "OPTIONS", "/b")[0] == "OPTIONS /b"
    with pytest.raises(MethodNotAllowedException):
        match(router, "OPTIONS", "/a")


def test_two_routes_for_same_requests_raise_with_both_names() -> None:
    """The error of a duplicate names both places and has a hint."""
    router = router_of("GET /u/{id:int}")
    twin = PathTemplate.parse("/u/{key:int}/")

    router.add("POST", twin, "post", "user_add")
    with pytest.raises(
        ConfigurationError, match=r"'GET /u/\{id:int\}'.*'user_show'.*: change the"
    ):
        router.add("GET", twin, "get", "user_show")
    assert match(router, "GET", "/u/1") == ("GET /u/{id:int}", {"id": 1})
    assert match(router, "POST", "/u/1") == ("post", {"key": 1})


def test_match_returns_new_dictionary_each_time() -> None:
    """A request may change its parameters; the next one must not see it."""
    router = router_of("GET /a")

    match(router, "GET", "/a")[1]["x"] = 1
    assert match(router, "GET", "/a") == ("GET /a", {})


PATTERNS = {
    "int": "-?[0-9]{1,18}",
    "uuid": "(?i:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})",
    "float": r"-?[0-9]+(\.[0-9]+)?",
    "str": "(?s:.+?)",
    "path": "(?s:.+)",
    "pattern": "(?:[a-z]|7)+",
    "word": "[a-z]+?",
    "odd": "[a-z0-9]*[a-z13579]",
}
RANKS = ["literal", "mixed", "int", "uuid", "float", "odd", "word", "str", "path"]
OWN = own_kinds({name: Converter(PATTERNS[name]) for name in ("odd", "word")})[0]


def parse_shape(shape: str) -> PathTemplate:
    """A template of *shape*, in which ``{:pattern}`` stands for a pattern."""
    numbers = iter(range(9))
    text = re.sub(r"\{", lambda _: f"{{p{next(numbers)}", shape)
    return PathTemplate.parse(text.replace(":pattern}", f":/{PATTERNS['pattern']}/}}"), OWN)


def naive_match(shape: str, raw_path: str) -> bool:
    """Match one template with one path, with one regular expression per segment."""
    steps, parts = shape.strip("/").split("/"), raw_path.split("/")[1:]
    if shape == "/":
        steps = []
    if "{:path}" in steps:
        steps.pop()
        rest = "/".join(parts[len(steps) :])
        parts = parts[: len(steps)]
        if not rest:
            return False
    elif parts[-1] == "":
        parts.pop()
    regexes = ["".join(PATTERNS.get(p, re.escape(p)) for p in kinds_in(step)) for step in steps]
    return len(regexes) == len(parts) and all(
        re.fullmatch(regex, unquote(part)) for regex, part in zip(regexes, parts, strict=True)
    )


def naive_values(shape: str, raw_path: str) -> list[object]:
    """The values of the parameters of a template that matches, in their order."""
    values: list[object] = []
    steps, parts = shape.split("/")[1:], raw_path.split("/")[1:]
    for place, step in enumerate(steps):
        kinds = kinds_in(step)
        groups = "".join(f"({PATTERNS[k]})" if k in PATTERNS else re.escape(k) for k in kinds)
        groups = groups.replace(r"(\.[0-9]+)", r"(?:\.[0-9]+)")
        rest = "/".join(parts[place:]) if kinds == ["path"] else parts[place] if kinds else ""
        found = re.fullmatch(groups, unquote(rest))
        assert found is not None
        names = [kind for kind in kinds if kind in PATTERNS]
        texts = zip(names, found.groups(), strict=True)
        values += [OWN.get(name, STR).to_python(text) for name, text in texts]
    return values


def kinds_in(step: str) -> list[str]:
    """``"v{:int}"`` as ``["v", "int"]``; no literal below is the name of a converter."""
    return [piece for piece in re.split(r"\{:(\w+)\}", step) if piece]


def naive_order(shapes: list[str]) -> Callable[[str], list[tuple[int, int]]]:
    """Sort by the rank of each segment, then by the first template with this beginning."""
    begins: list[str] = []
    for shape in shapes:
        steps = shape.split("/")
        begins += ["/".join(steps[: end + 1]) for end in range(len(steps))]

    def order(shape: str) -> list[tuple[int, int]]:
        steps = shape.split("/")
        key = []
        for end in range(1, len(steps)):
            kinds = kinds_in(steps[end])
            rank = "literal" if "{" not in steps[end] else kinds[0] if len(kinds) == 1 else "mixed"
            rank = "mixed" if rank == "pattern" else rank
            key.append((RANKS.index(rank), begins.index("/".join(steps[: end + 1]))))
        return key

    return order


STEPS = [
    "a",
    "b",
    "7",
    "{:int}",
    "{:float}",
    "{:uuid}",
    "{:str}",
    "v{:str}",
    "{:str}b",
    "a{:str}",
    "{:int}-{:str}",
    "{:str}-{:str}",
    "{:pattern}",
    "{:pattern}-{:word}",
    "{:word}",
    "{:odd}",
]
SHAPES = st.builds(
    lambda steps, rest: "/" + "/".join(steps + rest),
    st.lists(st.sampled_from(STEPS), max_size=3),
    st.sampled_from([[], [], ["{:path}"]]),
)
PARTS = [
    "a",
    "b",
    "7",
    "-7",
    "7.5",
    "vb",
    "v7",
    "7-b",
    "ab",
    "a-b",
    "%61",
    "a%2Fb",
    "12345678" + "-1234" * 4 + "abcd0000",
    "",
]
PATHS = st.lists(st.sampled_from(PARTS), max_size=5).map(lambda parts: "/" + "/".join(parts))
METHODS = st.sampled_from(["GET", "HEAD", "POST"])


@given(st.lists(st.tuples(METHODS, SHAPES), unique=True, max_size=12), METHODS, PATHS)
def test_router_equals_naive_linear_matcher(
    routes: list[tuple[str, str]], method: str, raw_path: str
) -> None:
    """The dictionaries are an optimization that does not change any result."""
    router: Router[tuple[str, str]] = Router()
    for verb, shape in routes:
        router.add(verb, parse_shape(shape), (verb, shape), f"{verb} {shape}")

    shapes = [shape for _, shape in routes]
    best = sorted({s for s in shapes if naive_match(s, raw_path)}, key=naive_order(shapes))
    verbs = ("HEAD", "GET") if method == "HEAD" else (method,)
    expected = [(v, shape) for shape in best for v in verbs if (v, shape) in routes]
    allowed = {verb for verb, shape in routes if shape in best}
    allowed |= {"OPTIONS"} if allowed else set()
    allowed |= {"HEAD"} if "GET" in allowed else set()

    assert router.allowed(raw_path) == sorted(allowed)
    if expected:
        target, values = match(router, method, raw_path)
        assert target == expected[0]
        assert list(values.values()) == naive_values(target[1], raw_path)
    else:
        with pytest.raises(MethodNotAllowedException if best else NotFoundException):
            match(router, method, raw_path)


GARBAGE = st.text() | st.text("/%aF0.-\0é\udcff2f", max_size=30).map(lambda text: f"/{text}")


@given(st.text(max_size=5), GARBAGE)
def test_find_any_path_returns_a_route_or_raises_http_exception(
    method: str, raw_path: str
) -> None:
    """No client input may end in a 500."""
    router = router_of("GET /", "GET /a/{i:int}", "GET /{f:float}/{x}.{y}", "POST /{p:path}")

    assert status_of(lambda: match(router, method, raw_path)) in {200, 400, 404, 405}
    assert status_of(lambda: router.allowed(raw_path)) in {200, 400}


def status_of(look_up: Callable[[], object]) -> int:
    try:
        look_up()
    except HttpException as error:
        return error.status_code
    return 200


def steps_of(router: Router[str], path: str) -> int:
    """The calls of Python and C functions in a lookup: a measure of its cost without a clock."""
    count = 0

    def watch(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        # Calls of the garbage collector and of the coverage do not count.
        is_router = frame.f_globals["__name__"].startswith("rxkernel.routing")
        is_probe = getattr(argument, "__module__", None) == "slipcover.probe"
        count += is_router and not is_probe and event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        match(router, "GET", path)
    except HttpException:
        pass
    finally:
        sys.setprofile(before)
    return count


def test_router_cost_is_independent_of_number_of_routes() -> None:
    """2000 routes cost as much as 10 routes."""
    paths = ["/s7", "/t7/5", "/5/u7", "/w/5/7", "/nowhere/5/7", "/w/x%20y/7"]
    paths += ["/v5/7", "/m7/v5", "/p7/x/y"]

    def routes(count: int) -> list[str]:
        return [
            route
            for n in range(count)
            for route in (
                f"GET /s{n}",
                f"GET /t{n}/{{i:int}}",
                f"GET /{{x}}/u{n}",
                f"GET /w/{{x}}/{n}",
                f"GET /v{{x:int}}/{n}",
                f"GET /m{n}/v{{x}}",
                f"GET /p{n}/{{x:path}}",
            )
        ]

    few, many = router_of(*routes(10)), router_of(*routes(2000))

    assert {path: steps_of(many, path) for path in paths} == {
        path: steps_of(few, path) for path in paths
    }


def test_hostile_path_cost_is_limited_by_number_of_shapes() -> None:
    """The worst case: every alternative of every segment matches, except in the last one."""
    kinds = ["{a}", "{a:int}", "{a:float}", "7", "{a}7", "7{a}"]
    routes = [f"GET /{x}/{y}/{{c}}/end" for x in kinds for y in kinds]
    router = router_of(*(re.sub(r"/(7?)\{a", r"/\1{z", r, count=1) for r in routes))

    short, long = "/77/77/77/no", "/77" * 4000

    assert steps_of(router, short) < 1000
    assert steps_of(router, long) <= steps_of(router, short)


def test_deep_template_and_path_do_not_recurse() -> None:
    """Nothing recurses: neither a deep template nor a deep path ends in a RecursionError."""
    deep = "GET " + "/x" * 3000 + "/{id:int}"
    router = router_of(deep, "GET /{a}/{b}/{c}/x")

    assert match(router, "GET", "/x" * 3000 + "/7") == (deep, {"id": 7})
    for path in ("/x" * 4000, "/y" * 4000, "/" * 4000, "/%78" * 4000):
        with pytest.raises(NotFoundException):
            match(router, "GET", path)


@pytest.mark.parametrize(
    ("method", "path", "status", "headers"),
    [
        ("GET", "/nowhere", 404, {}),
        ("DELETE", "/users", 405, {"Allow": "GET, HEAD, OPTIONS"}),
        ("BREW", "/users/7", 405, {"Allow": "OPTIONS, POST"}),
        ("GET", "*", 404, {}),
    ],
)
def test_find_without_match_returns_none_and_error_for_returns_the_error(
    method: str, path: str, status: int, headers: dict[str, str]
) -> None:
    router = router_of("GET /users", "POST /users/{id}")

    assert router.find(method, path) is None
    error = router.error_for(method, path)
    assert (error.status_code, dict(error.headers)) == (status, headers)
