"""The choice of the rule among many rules."""

import pytest

from bundles.web.routes.route import Route
from bundles.web.routes.rule import rule_of
from bundles.web.routes.rule_checks import problems_of_rules
from bundles.web.routes.rule_table import RuleTable
from tests.bundles.web.conftest import Site


def table_of(*urls: str) -> RuleTable:
    return RuleTable(tuple(rule_of(Route(url), f"rule {n}") for n, url in enumerate(urls)))


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("/a/b", "rule 0"),
        ("/a/c", "rule 1"),
        ("/a/x/y", "rule 3"),
        ("/z/1", "rule 2"),
        ("/other", "rule 5"),
        ("/", "rule 5"),
        ("/(.*)", "rule 5"),
    ],
    ids=lambda value: None,
)
def test_first_rule_that_matches_is_found(path: str, where: str) -> None:
    table = table_of("/a/b", "/(a|b)/([^/]+)", "/z/(.*)", "/a/x/(.*)", "/a/x/y", "/(.*)")

    found = table.find(path, "GET")

    assert found is not None
    assert found[0].where == where


def test_path_without_a_rule_is_not_found() -> None:
    assert table_of("/a", "/b/(.*)").find("/c", "GET") is None
    assert table_of("/a/b/c/(.*)").find("/a/b", "GET") is None
    assert not table_of()


def test_rule_among_a_thousand_rules_is_found() -> None:
    urls = [f"/old/{n}/(.*)" if n % 2 else f"/old/{n}" for n in range(1000)]
    table = table_of(*urls)

    assert list(problems_of_rules(table)) == []
    for number in range(1000):
        found = table.find(f"/old/{number}/x" if number % 2 else f"/old/{number}", "GET")
        assert found is not None
        assert found[0].where == f"rule {number}"


def test_thousand_rules_with_one_beginning_are_checked() -> None:
    table = table_of(*(f"/([^/]+)-{n}/(.*)" for n in range(1000)))

    assert list(problems_of_rules(table)) == []
    assert table.find("/x-999/y", "GET") is not None


async def test_rules_of_a_site_are_listed(site: Site) -> None:
    text = """
routes = [
    {"url": "/a", "rewrite": "/b", "methods": ["GET"]},
    {"url": "/c"},
    {"url": "/d/(.*)", "target": "http://127.0.0.1:9000/e/[1]", "methods": ["GET"]},
    {"url": "/f/(.*)", "host": "::1", "port": 9001, "rewrite": "/[1]", "methods": ["PUT"]},
    {"url": "/g", "host": "shop.example.org", "scheme": "https", "methods": ["POST"]},
]
"""
    files = {"app/get.py": "async def get(client): ...", "config/routes.py": text}
    client = await site.start(files)
    server = client.application.servers["http"]
    file = site.root / "config/routes.py"

    listed = [(r.method, r.path, r.target, r.place) for r in server.rewriting.listed]  # type: ignore[attr-defined]

    assert listed == [
        ("GET, HEAD", "/a", "/b", f"{file}:3"),
        ("*", "/c", "", f"{file}:4"),
        ("GET, HEAD", "/d/(.*)", "http://127.0.0.1:9000/e/[1]", f"{file}:5"),
        ("PUT", "/f/(.*)", "http://[::1]:9001/[1]", f"{file}:6"),
        ("POST", "/g", "https://shop.example.org", f"{file}:7"),
    ]
    names = [d.name for d in client.application.kernel.http_definitions if "proxy" in d.name]
    assert names == ["GET /d/(.*) proxy", "PUT /f/(.*) proxy", "POST /g proxy"]


@pytest.mark.parametrize(
    "url",
    ["/([^/]+)/x{}", "/([^/]+)-x{}", "/([^/]+)/x{}-([^/]+)", "/(.*)/x{}/([^/]+)", "/(a{0}|b{0})y"],
)
def test_long_path_finds_the_rule_of_a_short_one(url: str) -> None:
    table = table_of(*(url.format(number) for number in range(20)))
    long = "w" * 5000
    paths = (f"/{long}/x7", f"/{long}-x7", f"/{long}/x7-{long}", f"/{long}/{long}/x7/{long}")

    for path in paths:
        short = table.find(path.replace(long, "w"), "GET")
        found = table.find(path, "GET")
        assert (found and found[0]) is (short and short[0])
    assert sum(table.find(path, "GET") is not None for path in paths) == ("(a" not in url)
