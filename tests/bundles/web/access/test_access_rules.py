"""The access of directories, as rules that the bundle security enforces."""

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
from aiohttp import ClientSession

from bundles.security import ANONYMOUS, SecuritySettings, Token
from bundles.security.testing.access_matrix import AccessMatrix
from bundles.web.access.access_gate import AccessGate
from bundles.web.access.access_rules import rule_of
from bundles.web.access.local_clients import is_local
from bundles.web.access.tree_gate import rule_below
from rxkernel import (
    Application,
    ClientAddress,
    ForbiddenException,
    HttpMetadata,
    KernelClient,
    Request,
    RouteSource,
    UnauthorizedException,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.security.shop import PASSWORD, ROLES, application_of, bearer
from tests.bundles.web.access.access_files import tree_of
from tests.bundles.web.conftest import Site
from tests.serving import serving


class Directories(RouteSource):
    """A route for each of the *directories*, and one for all paths."""

    def __init__(self, files: Mapping[str, str], *directories: str) -> None:
        self.tree = tree_of(files)
        self.directories = directories
        self.ran: list[str] = []

    def routes(self) -> Any:
        for path in self.directories:
            for method in ("GET", "POST"):
                rule = rule_of(self.tree.of_path(path))
                options = {"access": rule}
                name = f"{method} {path}"
                yield HttpMetadata(self, name, f"/{path}/", method, "run", options)
        options = {"access": rule_below(self.tree, (), "path")}
        yield HttpMetadata(self, "files", "/{path:path}", "GET", "run", options)

    async def run(self, request: Request) -> str:
        self.ran.append(str(request.route_name))
        return "ran"


def basic(text: str, scheme: str = "Basic") -> dict[str, str]:
    return {"Authorization": f"{scheme} {base64.b64encode(text.encode()).decode()}"}


async def status_of(
    client: KernelClient, path: str, headers: Mapping[str, str] | None = None
) -> int:
    return (await client.http("files", params={"path": path}, headers=headers)).status_code


@pytest.mark.parametrize(
    ("text", "shown", "guest", "user", "admin"),
    [
        ("", "public", 200, 200, 200),
        ("guests = False", "authenticated", 401, 200, 200),
        ("logged = False", "guests-only", 200, 403, 403),
        ("groups = ['admin']", "roles=admin", 401, 403, 200),
        ("http = False", "https-only", 403, 403, 403),
        ("https = False", "http-only", 200, 200, 200),
        ("guests = False\nhttps = False", "authenticated http-only", 401, 200, 200),
        ("groups = ['local']", "groups=local", 403, 403, 403),
        ("groups = ['admin', 'local']", "groups=admin|local", 401, 403, 200),
        ("logged = False\ngroups = ['x', 'local']", "guests-only groups=local|x", 403, 403, 403),
        ("auth = 'a:b'", "basic='Restricted'", 401, 401, 401),
    ],
)
async def test_access_of_directory_decides(
    client_of: ClientOf, text: str, shown: str, guest: int, user: int, admin: int
) -> None:
    client = client_of(application_of(Directories({"a": text}, "a")))

    route = await client.http("GET a")
    by_file = [await status_of(client, "a/x.txt", bearer(name)) for name in ("ada", "root")]

    assert route.status_code == guest
    assert await status_of(client, "a/x.txt") == guest
    assert [
        (await client.http("GET a", headers=bearer(n))).status_code for n in ("ada", "root")
    ] == [
        user,
        admin,
    ]
    assert by_file == [user, admin]
    assert await status_of(client, "b/x.txt") == 200
    definition = client.application.kernel.http_definitions["GET a"]
    assert repr(definition.options["access"]) == shown


async def test_access_of_parent_and_child_groups_are_both_needed(client_of: ClientOf) -> None:
    files = {"": "groups = ['admin']", "a": "groups = ['author', 'editor']"}
    client = client_of(application_of(Directories(files, "a"), settings=SecuritySettings()))

    assert (await client.http("GET a")).status_code == 401
    assert (await client.http("GET a", headers=bearer("eve"))).status_code == 403
    assert (await client.http("GET a", headers=bearer("root"))).status_code == 403


async def test_access_of_roles_uses_the_hierarchy(client_of: ClientOf) -> None:
    files = {"": "groups = ['admin']", "a": "groups = ['author', 'local']"}
    client = client_of(
        application_of(Directories(files, "a"), settings=SecuritySettings(roles=ROLES))
    )

    assert (await client.http("GET a", headers=bearer("root"))).status_code == 200
    assert (await client.http("GET a", headers=bearer("eve"))).status_code == 403


# T79
@pytest.mark.parametrize("has_basic", [False, True])
async def test_basic_auth_without_header_is_401_with_realm_before_the_handler(
    client_of: ClientOf, has_basic: bool
) -> None:
    """Impress of 2015 asked for the password after the handler had run."""
    directories = Directories({"a": "auth = 'ada:hunter2'\nrealm = 'The cellar'"}, "a")
    settings = SecuritySettings(basic=has_basic)
    client = client_of(application_of(directories, settings=settings))

    response = await client.http("GET a")

    assert response.status_code == 401
    assert response.headers.getall("WWW-Authenticate") == ['Basic realm="The cellar"']
    assert directories.ran == []
    assert (await client.http("GET a", headers=basic("ada:hunter2"))).status_code == 200
    assert await status_of(client, "a/x.txt") == 401
    assert await status_of(client, "a/x.txt", basic("ada:hunter2")) == 200
    assert directories.ran == ["GET a", "files"]


@pytest.mark.parametrize(
    "headers",
    [
        basic("ada:hunter3"),
        basic("ada:hunter"),
        basic("Ada:hunter2"),
        basic("ada:hunter2\n"),
        basic("hunter2"),
        basic("ada:hunter2", "Bearer"),
        basic("ada:hunter2", "Digest"),
        {"Authorization": "Basic"},
        {"Authorization": "Basic ===="},
        {"Authorization": "Basic é"},
        {"Authorization": "Basic " + "YQ" * 5000},
    ],
    ids=range(11),
)
async def test_basic_auth_wrong_credential_is_401(
    client_of: ClientOf, headers: dict[str, str]
) -> None:
    directories = Directories({"a": "auth = 'ada:hunter2'"}, "a")
    client = client_of(application_of(directories))

    assert (await client.http("GET a", headers=headers)).status_code == 401
    assert directories.ran == []


def test_basic_auth_sent_twice_is_401() -> None:
    gate = AccessGate(attrs.evolve(tree_of({}).of_path(""), auth="a:b"))
    request = Request("HTTP")
    request.headers = request.headers.copy()
    for _ in range(2):
        request.headers.add("Authorization", basic("a:b")["Authorization"])

    with pytest.raises(UnauthorizedException):
        gate.admits(ANONYMOUS, request)


@pytest.mark.parametrize("scheme", ["basic", "BASIC"])
async def test_basic_auth_scheme_in_other_case_is_accepted(
    client_of: ClientOf, scheme: str
) -> None:
    """RFC 9110 §11.1: schemes are case-insensitive."""
    client = client_of(application_of(Directories({"a": "auth = 'ada:pässwort'"}, "a")))

    response = await client.http("GET a", headers=basic("ada:pässwort", scheme))

    assert response.status_code == 200


async def test_basic_of_users_is_accepted_beside_directories_with_a_password(
    client_of: ClientOf,
) -> None:
    """The header contains the password of the directory if it has one, and otherwise of a user."""
    files = {"a": "auth = 'x:y'", "b": "guests = False", "c": "guests = False\nhttps = False"}
    settings = SecuritySettings(basic=True)
    client = client_of(application_of(Directories(files, "a", "b", "c"), settings=settings))
    user = basic(f"ada:{PASSWORD}")

    assert (await client.http("GET a", headers=user)).status_code == 401
    for name in ("b", "c"):
        assert (await client.http(f"GET {name}", headers=user)).status_code == 200
        assert await status_of(client, f"{name}/x.txt", user) == 200
        assert (await client.http(f"GET {name}", headers=basic("ada:no"))).status_code == 401


async def test_basic_of_directory_does_not_authenticate_a_user(client_of: ClientOf) -> None:
    files = {"a": "auth = 'x:y'\nguests = False"}
    client = client_of(application_of(Directories(files, "a")))

    response = await client.http("GET a", headers=basic("x:y"))

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_basic_of_directory_from_page_of_other_site_is_403(client_of: ClientOf) -> None:
    """A browser adds the password to each request automatically."""
    directories = Directories({"a": "auth = 'x:y'"}, "a")
    client = client_of(application_of(directories))

    other = {**basic("x:y"), "Sec-Fetch-Site": "cross-site"}

    assert (await client.http("POST a", headers=other)).status_code == 403
    assert directories.ran == []
    assert (await client.http("POST a", headers=basic("x:y"))).status_code == 200


@pytest.mark.parametrize("has_basic", [False, True])
async def test_bad_token_of_guest_is_ignored_in_open_directory(
    client_of: ClientOf, has_basic: bool
) -> None:
    settings = SecuritySettings(basic=has_basic)
    files = {"a": "https = False"}
    client = client_of(application_of(Directories(files, "a"), settings=settings))

    bad = {"Authorization": "Bearer no.such.token"}

    assert (await client.http("GET a", headers=bad)).status_code == 200
    assert (await client.http("GET a", headers=basic("a:b"))).status_code == 200


async def test_file_below_open_directory_has_the_rule_of_its_directory(
    client_of: ClientOf,
) -> None:
    files = {"a": "index = True", "a/b": "guests = False", "a/b/c": "guests = True"}
    client = client_of(application_of(Directories(files)))

    assert await status_of(client, "a/x.txt") == 200
    assert await status_of(client, "a/b") == 401
    assert await status_of(client, "a/b/x.txt") == 401
    assert await status_of(client, "a/b/new/x.txt") == 401
    assert await status_of(client, "a/b/c/x.txt") == 200
    shown = repr(client.application.kernel.http_definitions["files"].options["access"])
    assert shown == "public; /a: public; /a/b: authenticated; /a/b/c: public"


async def test_query_does_not_choose_the_directory() -> None:
    closed = {"a": "guests = False"}
    async with proxied(closed) as session, session.get("/a/x?path=b") as response:
        assert response.status == 401


async def test_access_matrix_accepts_directories(client_of: ClientOf) -> None:
    files = {"a": "auth = 'x:y'", "b": "guests = False", "c": "groups = ['admin', 'local']"}
    application = application_of(
        Directories(files, "a", "b", "c"), settings=SecuritySettings(basic=True)
    )

    rows = await AccessMatrix(
        application, ["ada", "root"], unreachable=["GET a", "POST a"]
    ).check()

    assert {row.verdict for row in rows if row.route == "GET a"} == {401}
    assert {row.verdict for row in rows if row.route == "GET b"} == {401, "ran"}


# --- the address and the scheme of clients


@pytest.mark.parametrize(
    ("host", "headers", "expected"),
    [
        ("127.0.0.1", {}, True),
        ("127.8.8.8", {}, True),
        ("::1", {}, True),
        ("::ffff:127.0.0.1", {}, True),
        ("", {}, False),
        ("localhost", {}, False),
        ("10.0.0.1", {}, False),
        ("::ffff:10.0.0.1", {}, False),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, False),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1, 203.0.113.9"}, False),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9, 127.0.0.1"}, False),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, True),
        ("127.0.0.1", {"X-Real-IP": "203.0.113.9"}, False),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, False),
        ("127.0.0.1", {"Via": "1.1 proxy"}, False),
        ("127.0.0.1", {"Host": "127.0.0.1:8000"}, True),
        ("127.0.0.1", {"Host": "LOCALHOST."}, True),
        ("127.0.0.1", {"Host": "shop.localhost:80"}, True),
        ("::1", {"Host": "[::1]"}, True),
        ("::1", {"Host": "[0:0::1]:8000"}, True),
        ("127.0.0.1", {"Host": "shop.example.org"}, True),
        ("127.0.0.1", {"Host": "a.example.com:80"}, True),
        ("127.0.0.1", {"Host": "example.com"}, False),
        ("127.0.0.1", {"Host": "evil.example.net"}, False),
        ("127.0.0.1", {"Host": "127.0.0.1:x"}, False),
        ("127.0.0.1", {"Host": "[::2]"}, False),
        ("127.0.0.1", {"Host": "[x]"}, False),
        ("127.0.0.1", {"Host": ""}, False),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-Host": "evil.example.net"}, False),
    ],
    ids=range(29),
)
def test_local_client_is_one_on_loopback_address(
    host: str, headers: dict[str, str], expected: bool
) -> None:
    request = Request("HTTP", headers, client=ClientAddress(host, 1))

    assert is_local(request, ["shop.example.org", "*.example.com"]) is expected


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("POST", {"Origin": "http://evil.example.net"}, False),
        ("GET", {"Origin": "null"}, False),
        ("POST", {"Origin": "http://localhost:80"}, True),
        ("POST", {"Origin": "http://localhost:81"}, False),
        ("POST", {"Sec-Fetch-Site": "cross-site"}, False),
        ("POST", {"Sec-Fetch-Site": "same-site"}, False),
        ("POST", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, False),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "script"}, False),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}, False),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, True),
        ("POST", {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:80"}, True),
        ("GET", {"Sec-Fetch-Site": "none"}, True),
    ],
    ids=range(12),
)
def test_request_of_a_page_of_another_site_is_not_local(
    method: str, headers: dict[str, str], expected: bool
) -> None:
    """A browser on this machine has a loopback address, whatever site its page is from."""
    client = ClientAddress("127.0.0.1", 1)
    request = Request("HTTP", {"Host": "localhost:80", **headers}, client=client, method=method)

    assert is_local(request) is expected


async def test_request_to_an_allowed_host_is_local(site: Site) -> None:
    files = {"app/access.py": "groups = ['local']\n", "app/a.txt": "a"}
    hosts = {"http.allowed_hosts": ["shop.example.org", "127.0.0.1"]}
    headers = {"Host": "shop.example.org"}
    async with (
        site.served(files, options=hosts) as session,
        session.get("/a.txt", headers=headers) as response,
    ):
        assert response.status == 200


async def test_request_to_another_host_is_not_local(site: Site) -> None:
    files = {"app/access.py": "groups = ['local']\n", "app/a.txt": "a"}
    headers = {"Host": "evil.example.net"}
    async with site.served(files) as session, session.get("/a.txt", headers=headers) as response:
        assert response.status == 403


@pytest.mark.parametrize(
    ("host", "expected"),
    [("shop.example", True), ("a.blog.example:1", True), ("evil.example", False)],
)
def test_entry_of_allowed_hosts_decides_whether_client_is_local(host: str, expected: bool) -> None:
    """Ports are ignored, and ``*`` is not a host of this machine."""
    client = ClientAddress("127.0.0.1", 1)
    request = Request("HTTP", {"Host": host}, client=client, method="GET")

    assert is_local(request, ["shop.example:8080", "*.blog.example", "*"]) is expected


def test_local_client_without_address_is_not_local() -> None:
    """A proxy may send requests of all clients over a Unix socket."""
    assert not is_local(Request("HTTP"))


async def test_local_client_needs_no_password_if_groups_contain_local() -> None:
    local = Request("HTTP", client=ClientAddress("127.0.0.1", 1))
    with_local = tree_of({"": "auth = 'a:b'\ngroups = ['local', 'admin']"}).of_path("")
    without = tree_of({"": "auth = 'a:b'"}).of_path("")

    assert AccessGate(with_local).admits(ANONYMOUS, local)
    with pytest.raises(UnauthorizedException):
        AccessGate(without).admits(ANONYMOUS, local)


def test_group_local_refuses_other_clients_without_login() -> None:
    gate = AccessGate(tree_of({"": "groups = ['local']"}).of_path(""))
    admin: Token[Any] = Token(user="root", roles=frozenset({"admin"}), is_authenticated=True)

    for token in (ANONYMOUS, admin):
        with pytest.raises(ForbiddenException):
            gate.admits(token, Request("HTTP", client=ClientAddress("10.0.0.1", 1)))


@asynccontextmanager
async def proxied(files: Mapping[str, str], *directories: str) -> AsyncIterator[ClientSession]:
    """A session with a server that trusts a proxy on this machine."""
    application: Application = application_of(Directories(files, *directories))
    settings = application.settings
    application.settings = attrs.evolve(
        settings,
        http=attrs.evolve(settings.http, port=0, trusted_proxies=("127.0.0.1",)),
    )
    async with serving(application), ClientSession(application.servers["http"].url) as session:
        yield session


@pytest.mark.parametrize(
    ("path", "scheme", "address", "status"),
    [
        ("/tls/", "https", None, 200),
        ("/tls/", "http", None, 403),
        ("/plain/", "https", None, 403),
        ("/plain/", "http", None, 200),
        ("/here/", "http", None, 200),
        ("/here/", "http", "203.0.113.9", 403),
        ("/here/x.txt", "http", "203.0.113.9", 403),
        ("/here/x.txt", "http", "127.0.0.1", 200),
    ],
    ids=range(8),
)
async def test_scheme_and_address_are_read_from_trusted_proxies(
    path: str, scheme: str, address: str | None, status: int
) -> None:
    files = {"tls": "http = False", "plain": "https = False", "here": "groups = ['local']"}
    headers = {"X-Forwarded-Proto": scheme} | (
        {} if address is None else {"X-Forwarded-For": address}
    )

    async with proxied(files, *files) as session, session.get(path, headers=headers) as response:
        assert response.status == status
