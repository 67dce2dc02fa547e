"""Lists of rules with mistakes, which are errors of boot."""

import pytest

from bundles.web import Route, WebBundle
from tests.bundles.web.conftest import Site

PAGE = {"app/get.py": "async def get(client): return 'root'"}


async def problems(site: Site, text: str, name: str = "routes.py") -> list[str]:
    found = await site.problems({**PAGE, f"config/{name}": text})
    return [line.replace(f"{site.root}/", "") for line in found.splitlines()]


async def test_all_mistakes_are_reported_with_file_and_line(site: Site) -> None:
    text = """
routes = [
    {"url": "/a", "rewrit": "/b"},
    {"url": "/(.*"},
    {"url": "/c/(.*)", "rewrite": "/[2]"},
    {"rewrite": "/b"},
    {
        "url": 7,
    },
    {"url": "/d", "rewrite": 8},
    {"url": "/e", "methods": ["FETCH"]},
    {"url": "/f", "methods": "GET"},
    {"url": "/g", "slow_time": 0},
    {"url": "/h", "slow_time": True},
    {"url": "/i", "escaping": False},
    {"url": "/j", "slowTime": "1s"},
    "k",
]
"""
    found = await problems(site, text)

    assert found == [
        "config/routes.py:3: rewrit is not a field of a rule; did you mean rewrite?",
        "config/routes.py:4: rule '/(.*' has a parenthesis without its pair, or in another group; "
        "write (.*) for anything, ([^/]+) for a part without a slash, or (a|b)",
        "config/routes.py:5: rule '/c/(.*)' rewrite '/[2]' has [2], but url has the groups [1] to "
        "[1]",
        "config/routes.py:6: a rule has no url; write 'url': '/news/(.*)'",
        "config/routes.py:7: rule has the url 7; it must be a str, such as '/news/(.*)'",
        "config/routes.py:10: rule '/d' rewrite is 8; it must be a str, such as '/news/[1]'",
        "config/routes.py:11: rule '/e' has the method 'FETCH'; it must be one of GET, HEAD, "
        "POST, PUT, PATCH, DELETE, OPTIONS",
        "config/routes.py:12: rule '/f' methods is 'GET'; it must be a list, such as ['GET', "
        "'POST']",
        "config/routes.py:13: rule '/g' slow_time is 0; it must be a number of seconds greater "
        "than 0",
        "config/routes.py:14: rule '/h' slow_time is True; it must be a number of seconds "
        "greater than 0",
        "config/routes.py:15: escaping is not known, since a url is never a regular expression; "
        "remove it, and write (.*), ([^/]+) or (a|b) in url",
        "config/routes.py:16: slowTime is not a field of a rule; did you mean slow_time?",
        "config/routes.py:17: 'k' is not a rule; write {'url': '/a', 'rewrite': '/b'}",
    ]


async def test_mistakes_of_the_tree_and_of_rules_are_reported_together(site: Site) -> None:
    files = {
        **PAGE,
        "app/post.py": "async def post(client): ...",
        "app/a.json/access.py": "groups = ['x']",
        "app/a.json/html.template": "@[menu]@",
        "config/routes.py": "routes = [{'url': 'a'}]",
    }
    found = await site.problems(files)

    assert "html.template" in found
    assert "config/routes.py:1: rule 'a' must begin with /" in found


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ("'target': 'a'", "target is 'a'; it must begin with http:// or https://"),
        ("'target': 'ftp://a'", "target is 'ftp://a'; it must begin with http:// or https://"),
        ("'target': 7", "target is 7; write a str like http://127.0.0.1:8080"),
        ("'target': 'http://'", "target is 'http://', which is invalid"),
        ("'target': 'http://u@a'", "target is 'http://u@a', which is invalid"),
        ("'target': 'http://a:x'", "target is 'http://a:x', which is invalid"),
        ("'target': 'http://a?b'", "target is 'http://a?b', which is invalid"),
        ("'target': 'http://a/[2]'", "target '/[2]' has [2]"),
        ("'target': 'http://[1].a'", "its host cannot be a group, since a client would choose it"),
        ("'target': 'http://a/b', 'rewrite': '/c'", "has rewrite, and target has a path"),
        ("'target': 'http://a', 'host': 'b'", "has target and host; write target only"),
        ("'host': '[1].a'", "it cannot be a group, since a client would choose it"),
        ("'host': 'a b'", "host is 'a b', which is invalid; write it like shop.example.org"),
        ("'host': 'a', 'port': 0", "port is 0; it must be a number from 1 to 65535"),
        ("'host': 'a', 'port': '80'", "port is '80'; it must be a number from 1 to 65535"),
        ("'host': 'a', 'scheme': 'ws'", "scheme is 'ws'; write http or https"),
        ("'port': 80", "has port without host; write host, or target"),
    ],
    ids=lambda value: None,
)
async def test_invalid_server_is_an_error(site: Site, fields: str, problem: str) -> None:
    found = await problems(site, f"routes = [{{'url': '/(.*)', {fields}}}]")

    assert any(problem in line for line in found), found


@pytest.mark.parametrize(
    ("rules", "hidden"),
    [
        (["/(.*)", "/a"], "2: rule '/a' is never used: rule /(.*) (config/routes.py:1)"),
        (["/a", "/a"], "rule '/a' is never used"),
        (["/([^/]+)", "/(a|b)"], "rule '/(a|b)' is never used"),
        (["/x/(.*)", "/x/y/(.*)", "/z"], "rule '/x/y/(.*)' is never used"),
    ],
)
async def test_rule_that_a_former_one_hides_is_an_error(
    site: Site, rules: list[str], hidden: str
) -> None:
    lines = [f"{{'url': '{url}'}}" for url in rules]

    found = await problems(site, _list(lines))

    assert len(found) == 1
    assert hidden in found[0]


def _list(lines: list[str]) -> str:
    return "routes = [" + ",\n".join(lines) + "]"


async def test_rule_for_other_methods_or_a_part_of_the_paths_is_not_hidden(site: Site) -> None:
    text = """
routes = [
    {"url": "/a", "methods": ["GET"]},
    {"url": "/a", "methods": ["POST", "GET"]},
    {"url": "/a"},
    {"url": "/b/(x|y)"},
    {"url": "/b/([^/]+)"},
    {"url": "/b/(.*)"},
    {"url": "/c", "methods": ["GET"]},
    {"url": "/c", "methods": ["HEAD"]},
]
"""
    found = await problems(site, text)

    assert len(found) == 1
    assert "config/routes.py:10: rule '/c' is never used" in found[0]  # GET includes HEAD


@pytest.mark.parametrize(
    ("rules", "loop"),
    [
        ([("/a", "/a")], "/a → /a"),
        ([("/a", "/b"), ("/b", "/a")], "/a → /b → /a"),
        ([("/(.*)", "/x/[1]")], "/(.*) → /(.*)"),
        ([("/0", "/a/1"), ("/a/([^/]+)", "/b/[1]"), ("/b/(.*)", "/a/2")], "/a/([^/]+) → /b/(.*)"),
        ([("/c", "/a?x=1"), ("/a", "/%61")], "/a → /a"),
    ],
    ids=lambda value: None,
)
async def test_rules_that_can_only_loop_are_an_error(
    site: Site, rules: list[tuple[str, str]], loop: str
) -> None:
    found = await problems(
        site, _list([f"{{'url': '{url}', 'rewrite': '{target}'}}" for url, target in rules])
    )

    assert len(found) == 1
    assert f"can only loop: {loop}" in found[0]


@pytest.mark.parametrize(
    "rules",
    [
        ["'/x/(.*)', 'rewrite': '/y/[1]'", "'/y/(a|b)', 'rewrite': '/x/[1]'"],
        ["'/b', 'methods': ['GET']", "'/a', 'rewrite': '/b'", "'/b', 'rewrite': '/a'"],
        ["'/b/1'", "'/a/(.*)', 'rewrite': '/b/[1]'", "'/b/(.*)', 'rewrite': '/a/[1]'"],
        ["'/a', 'rewrite': '/b'", "'/b', 'target': 'http://127.0.0.1:1'"],
        ["'/a', 'rewrite': '/b', 'methods': ['GET']", "'/b', 'rewrite': '/a', 'methods': ['PUT']"],
    ],
    ids=lambda value: None,
)
async def test_rules_that_may_end_are_accepted(site: Site, rules: list[str]) -> None:
    text = _list([f"{{'url': {rule}}}" for rule in rules])

    await site.start({**PAGE, "config/routes.py": text})


@pytest.mark.parametrize("text", ["", "config = 7", "routes = 1", "routes = {'url': '/a'}"])
async def test_file_without_a_list_is_an_error(site: Site, text: str) -> None:
    (found,) = await problems(site, text)

    assert found.startswith("config/routes.py: has no list of rules; write routes = [{'url'")


async def test_rules_in_lists_of_other_forms_are_read(site: Site) -> None:
    for text, where in (
        ("config = {'a': 1, 'routes': [\n{'url': 'x'}]}", "config/routes.py:2"),
        ("one = {'url': 'x'}\nroutes = [*[one]]", "config/routes.py, rule 1"),
        ("routes = [{'url': u} for u in 'x']", "config/routes.py, rule 1"),
        ("from bundles.web import Route\nroutes = (\nRoute('x'),)", "config/routes.py:3"),
    ):
        (found,) = await problems(site, text)
        assert found == f"{where}: rule 'x' must begin with /, as in /news/(.*)"


async def test_mistake_in_a_rule_of_toml_is_reported_with_its_line(site: Site) -> None:
    text = "[[routes]]\nurl = '/a'\n\n[[routes]]\nurl = 'b'\n"

    (found,) = await problems(site, text, "routes.toml")

    assert found == "config/routes.toml:4: rule 'b' must begin with /, as in /news/(.*)"


async def test_mistake_in_a_rule_of_code_is_reported_with_its_number(site: Site) -> None:
    web = WebBundle(routes=[Route("/a"), Route("b"), "c"])  # type: ignore[list-item]

    found = await site.problems(PAGE, bundles=[web])

    assert found.splitlines() == [
        "WebBundle(routes=…), rule 2: rule 'b' must begin with /, as in /news/(.*)",
        "WebBundle(routes=…), rule 3: 'c' is not a rule; write {'url': '/a', 'rewrite': '/b'}",
    ]
