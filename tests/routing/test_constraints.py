"""Constraints of host and headers: the winning route, responses, errors at boot."""

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from rxkernel import (
    Application,
    ConfigurationError,
    HttpException,
    HttpMetadata,
    KernelClient,
    MethodNotAllowedException,
    NotFoundException,
    Request,
    both,
    http,
)
from rxkernel.routing.constraints import Constraints
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.router import Router
from tests.routing.matching import match

V1, V2 = {"Accept-Version": "1"}, {"Accept-Version": "2"}


def _headers(given: Mapping[str, str] | Sequence[tuple[str, str]]) -> CIMultiDict[str]:
    headers: CIMultiDict[str] = CIMultiDict()
    headers.extend(given)
    return headers


@attrs.frozen
class Head:
    """The host and headers of a request, as a server passes them to the router."""

    host: str | None = None
    headers: CIMultiDict[str] = attrs.field(factory=CIMultiDict, converter=_headers)


@attrs.define
class Site:
    """A router whose targets are the names of its routes."""

    router: Router[str] = attrs.field(factory=lambda: Router(lambda head: head.host))

    def add(self, route: str, name: str, host: str | None = None, **headers: str) -> None:
        method, _, path = route.partition(" ")
        given = {key.replace("_", "-"): value for key, value in headers.items()}
        template = PathTemplate.parse(path)
        self.router.add(method, template, name, name, Constraints.of(host, given))

    def get(self, path: str, head: Head, method: str = "GET") -> str:
        return match(self.router, method, path, head)[0]

    def status(self, path: str, head: Head, method: str = "GET") -> tuple[int, Any]:
        try:
            self.get(path, head, method)
        except HttpException as exc:
            return exc.status_code, dict(exc.headers)
        return 200, {}


@pytest.fixture(params=["/", "/a", "/a/{x:int}", "/v{x}", "/{p:path}", "/{x:/[a-z0-9]+/}"])
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def url_of(path: str) -> str:
    return PathTemplate.parse(path).format(x=7, p="b/c")


def test_exact_host_wins_over_wildcard_and_fallback_in_any_order(path: str) -> None:
    hosts = [None, "*.example.com", "*.eu.example.com", "www.eu.example.com"]
    for order in (hosts, hosts[::-1]):
        site = Site()
        for host in order:
            site.add(f"GET {path}", str(host), host)

        asked = ["www.eu.example.com", "de.eu.example.com", "example.com", "a.example.com", None]

        assert [site.get(url_of(path), Head(host)) for host in asked] == [
            "www.eu.example.com",
            "*.eu.example.com",
            "None",
            "*.example.com",
            "None",
        ]


def test_route_with_more_headers_wins_and_host_counts_before_headers(path: str) -> None:
    site = Site()
    site.add(f"GET {path}", "plain")
    site.add(f"GET {path}", "one", X_A="1")
    site.add(f"GET {path}", "two", X_A="1", X_B="2")
    site.add(f"GET {path}", "host", "example.com")

    found = [
        site.get(url_of(path), Head(host, headers))
        for host, headers in [
            (None, {}),
            (None, {"x-a": "1"}),
            (None, {"X-A": "1", "X-B": "2"}),
            (None, {"X-A": "1", "X-B": "3"}),
            (None, {"X-A": "0"}),
            ("example.com", {"X-A": "1", "X-B": "2"}),
        ]
    ]

    assert found == ["plain", "one", "two", "one", "plain", "host"]


def test_route_of_another_host_is_404(path: str) -> None:
    """Less specific paths are tried, and methods of the route are not in `Allow`."""
    site = Site()
    site.add(f"GET {path}", "get", "example.com")
    site.add(f"POST {path}", "post", "other.com")

    assert site.status(url_of(path), Head("none.com")) == (404, {})
    assert site.status(url_of(path), Head(None)) == (404, {})
    assert site.status(url_of(path), Head("other.com")) == (405, {"Allow": "OPTIONS, POST"})
    assert site.router.allowed(url_of(path), Head("example.com")) == ["GET", "HEAD", "OPTIONS"]
    assert site.router.allowed(url_of(path), Head("none.com")) == []


def test_host_mismatch_tries_less_specific_template() -> None:
    site = Site()
    site.add("GET /about", "admin", "admin.example.com")
    site.add("GET /{page}", "page")
    site.add("GET /{page:path}", "other", "other.com")

    assert site.get("/about", Head("admin.example.com")) == "admin"
    assert site.get("/about", Head("example.com")) == "page"
    assert site.get("/a/b", Head("other.com")) == "other"
    assert site.status("/a/b", Head("example.com"))[0] == 404


def test_headers_mismatch_is_404_with_vary(path: str) -> None:
    """Headers select between the routes of one path: a less specific path is another resource."""
    site = Site()
    site.add(f"GET {path}", "two", Accept_Version="2")
    site.add(f"GET {path}", "beta", Accept_Version="1", X_Beta="on")
    site.add(f"POST {path}", "post")
    site.add("GET /{rest:path}", "rest", "elsewhere.com")

    status, headers = site.status(url_of(path), Head("here.com"))

    assert status == 404
    assert sorted(headers["Vary"].split(", ")) == ["Accept-Version", "X-Beta"]
    assert site.get(url_of(path), Head(None, V2)) == "two"
    assert site.router.allowed(url_of(path), Head(None)) == ["GET", "HEAD", "OPTIONS", "POST"]


def test_headers_of_unmatched_path_are_ignored() -> None:
    site = Site()
    site.add("GET /{x:int}", "number", Accept_Version="2")
    site.add("GET /{x}", "text")

    assert site.get("/a", Head()) == "text"
    assert site.status("/7", Head())[0] == 404


def test_head_uses_matching_get_route(path: str) -> None:
    """An explicit HEAD takes the place of GET for the same constraints only."""
    site = Site()
    site.add(f"GET {path}", "get")
    site.add(f"GET {path}", "get 2", Accept_Version="2")
    site.add(f"HEAD {path}", "head 2", Accept_Version="2")
    site.add(f"HEAD {path}", "head host", "example.com")

    assert site.get(url_of(path), Head(), "HEAD") == "get"
    assert site.get(url_of(path), Head(None, V2), "HEAD") == "head 2"
    assert site.get(url_of(path), Head(None, V2), "GET") == "get 2"
    assert site.get(url_of(path), Head("example.com"), "HEAD") == "head host"


@pytest.mark.parametrize(
    ("lines", "fits"),
    [
        ([("X-List", "a, b")], True),
        ([("X-List", "a"), ("x-list", "b")], True),
        ([("X-List", "a,b")], False),
        ([("X-List", "a")], False),
        ([("X-List", "A, B")], False),
        ([("X-List", "a, b"), ("X-List", "c")], False),
        ([], False),
    ],
)
def test_header_constraint_compares_sent_value(
    lines: list[tuple[str, str]], *, fits: bool
) -> None:
    """RFC 9110 §5.3: several lines are one value, joined by a comma and a space."""
    site = Site()
    site.add("GET /", "list", X_List="a, b")

    status, _ = site.status("/", Head(None, lines))

    assert status == (200 if fits else 404)


def test_routes_of_one_shape_may_name_parameters_differently() -> None:
    site = Site()
    site.add("GET /u/{id:int}", "plain")
    site.add("GET /u/{key:int}", "host", "example.com")

    assert match(site.router, "GET", "/u/7", Head()) == ("plain", {"id": 7})
    assert match(site.router, "GET", "/u/7", Head("example.com")) == ("host", {"key": 7})


def test_static_path_with_constraints_is_found_in_any_spelling() -> None:
    """Such a path is searched by its shape; the results must equal a search by its text."""
    for late in (False, True):
        site = Site()
        if late:
            site.add("GET /caffè", "host", "example.com")
        site.add("GET /caffè", "plain")
        if not late:
            site.add("GET /caffè", "host", "example.com")
        site.add("GET /", "root", "example.com")

        for spelling in ("/caff%C3%A8", "/caff%C3%A8/", "/%63aff%C3%A8", "/caffè"):
            assert site.get(spelling, Head()) == "plain"
            assert site.get(spelling, Head("example.com")) == "host"
        assert [site.get(root, Head("example.com")) for root in ("/", "")] == ["root", "root"]
        for unknown in ("/caff%C3%A8//", "//", "caff%C3%A8"):
            assert site.status(unknown, Head("example.com"))[0] == 404


def test_match_without_head_finds_routes_without_constraints_only() -> None:
    site = Site()
    site.add("GET /", "host", "example.com")
    site.add("GET /", "header", X_A="1")
    with pytest.raises(NotFoundException):
        match(site.router, "GET", "/")
    site.add("GET /", "plain")

    assert match(site.router, "GET", "/") == ("plain", {})


@pytest.mark.parametrize(
    ("first", "second", "shown"),
    [
        ({"host": "Example.COM"}, {"host": "example.com"}, " at example.com"),
        ({"X_A": "1", "X_B": "2"}, {"x_b": "2", "x_a": "1"}, " with x-a: 1, x-b: 2"),
        ({"host": "*.e.com", "X_A": "1"}, {"host": "*.E.com", "x_A": "1"}, r" at \*.e.com with x"),
    ],
)
def test_two_routes_with_same_constraints_raise(
    first: dict[str, str], second: dict[str, str], shown: str
) -> None:
    site = Site()
    site.add("GET /{a}", "one", **first)
    site.add("GET /{b}", "other")
    site.add("POST /{b}", "another", **second)

    with pytest.raises(
        ConfigurationError, match=rf"'one' \(GET /\{{a\}}{shown}.*'two' .*: change the path, the"
    ):
        site.add("GET /{b}", "two", **second)


HOSTS = st.sampled_from([None, "a.com", "*.a.com", "x.a.com", "*.x.a.com"])
HEADERS = st.dictionaries(st.sampled_from(["X-A", "X-B"]), st.sampled_from(["1", "2"]))
TEMPLATES = st.sampled_from(["/", "/a", "/{x:int}", "/{x}", "/{x}b", "/{p:path}", "/7"])
ROUTES = st.lists(
    st.tuples(st.sampled_from(["GET", "HEAD", "POST"]), TEMPLATES, HOSTS, HEADERS), max_size=8
)


@given(
    ROUTES,
    st.sampled_from(["GET", "HEAD", "POST", "PUT"]),
    st.sampled_from(["/", "/a", "/7", "/7/", "/b", "/a/b", "/7b"]),
    st.sampled_from([None, "a.com", "x.a.com", "y.x.a.com", "b.com"]),
    HEADERS,
)
def test_router_with_constraints_equals_naive_router(
    routes: list[tuple[str, str, str | None, dict[str, str]]],
    method: str,
    raw_path: str,
    host: str | None,
    headers: dict[str, str],
) -> None:
    """One router for each host, without hosts; then the headers, by hand."""
    router: Router[int] = Router(lambda head: head.host)
    here: Router[str] = Router()
    groups: dict[tuple[str, str], list[tuple[Any, Constraints, int]]] = {}
    seen = set()
    for number, (verb, text, of_host, wanted) in enumerate(routes):
        constraints, template = Constraints.of(of_host, wanted), PathTemplate.parse(text)
        if (verb, template.shape, constraints) in seen:
            continue
        seen.add((verb, template.shape, constraints))
        router.add(verb, template, number, str(number), constraints)
        if constraints.accept_host(host):
            if (verb, text) not in groups:
                here.add(verb, template, text, text)
            groups.setdefault((verb, text), []).append((constraints.order, constraints, number))
    head = Head(host, headers)

    assert router.allowed(raw_path, head) == here.allowed(raw_path)
    try:
        text, _ = match(here, method, raw_path)
    except (NotFoundException, MethodNotAllowedException) as expected:
        with pytest.raises(type(expected)):
            match(router, method, raw_path, head)
        return
    verbs = ("GET", "HEAD") if method == "HEAD" else (method,)
    by_constraints = {c: (o, c, n) for verb in verbs for o, c, n in groups.get((verb, text), [])}
    fitting = [
        (order, number)
        for order, constraints, number in by_constraints.values()
        if constraints.accept_headers(head.headers)
    ]
    if not fitting:
        with pytest.raises(NotFoundException) as caught:
            match(router, method, raw_path, head)
        assert "Vary" in caught.value.headers
        return
    best = min(order for order, _ in fitting)
    assert match(router, method, raw_path, head)[0] in {n for order, n in fitting if order == best}


class Routes:
    async def show(self, request: Request) -> str:
        return str(request.route_name)


@pytest.mark.parametrize(
    ("constraints", "problem"),
    [
        ({"host": "https://a.com"}, "the host 'https://a.com'; write a name like 'example.com'"),
        ({"host": "a.com:80"}, "the host 'a.com:80'; write a name"),
        ({"host": "a.*.com"}, "the host 'a.*.com'; write a name"),
        ({"host": ""}, "the host ''; write a name"),
        ({"host": 7}, "the host 7; write a name"),
        ({"headers": ["X-A"]}, "the headers ['X-A']; pass a mapping of names to values"),
        ({"headers": {"X A": "1"}}, "an invalid header: invalid header name"),
        ({"headers": {"X-A": 1}}, "an invalid header: header 'X-A' is 1"),
        ({"headers": {7: "1"}}, "an invalid header: header name 7 must be a str"),
        ({"headers": {"X-A": "1\n"}}, "an invalid header: header 'X-A' is '1"),
        ({"headers": {"X-A": " 1"}}, "the header 'X-A' with the value ' 1'; remove the spaces"),
        ({"headers": {"Host": "a.com"}}, "the header 'Host'; write host='a.com'"),
        (
            {"headers": {"X-A": "1", "x-a": "2"}},
            "the headers {'X-A': '1', 'x-a': '2'}, two of which",
        ),
    ],
)
def test_impossible_constraint_raises(constraints: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        HttpMetadata(Routes, "show", "/", "GET", "show", **constraints)

    (found,) = caught.value.problems
    assert found.startswith(
        f"route 'show' (tests.routing.test_constraints.Routes.show) has {problem}"
    )


def test_metadata_with_constraints_is_equal_and_hashable() -> None:
    one, other = (
        HttpMetadata(Routes, "show", "/", "GET", "show", host="a.com", headers=dict(V2))
        for _ in range(2)
    )

    assert one == other
    assert hash(one) == hash(other)
    assert one != attrs.evolve(one, headers=V1)
    with pytest.raises(TypeError):
        one.headers["X"] = "1"  # type: ignore[index]


async def test_kernel_client_ignores_constraints() -> None:
    class Articles:
        @http("GET", "/articles", "list_1")
        async def old(self, request: Request) -> int:
            return 1

        @both("GET", "/articles", "list_2", host="api.example.com", headers=V2)
        async def new(self, request: Request) -> int:
            return 2

    async with KernelClient(Application(controllers=[Articles])) as client:
        definition = client.application.kernel.http_definitions["list_2"]
        assert (definition.host, definition.headers) == ("api.example.com", V2)
        assert (await client.http("list_1")).content == 1
        assert (await client.http("list_2")).content == 2
        assert (await client.websocket("list_2")).content == 2
