"""Requests for hosts that are not allowed."""

import json

import pytest

from tests.servers.hostile_http import HttpAttack, NativeRoute, Wire, head


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("example.org", 200, id="listed"),
        pytest.param("EXAMPLE.ORG.:8000", 200, id="case-dot-and-port"),
        pytest.param("a.b.wild.example", 200, id="below-a-wildcard"),
        pytest.param("[0:0::1]:8000", 200, id="IPv6"),
        pytest.param("wild.example", 421, id="the-wildcard-itself"),
        pytest.param("evilwild.example", 421, id="ends-alike"),
        pytest.param("example.org.evil.example", 421, id="begins-alike"),
        pytest.param("evil.example", 421, id="not-listed"),
        pytest.param("example.org:80:80", 421, id="two-ports"),
        pytest.param("user@example.org", 421, id="with-a-user"),
        pytest.param("[::2]", 421, id="another-IPv6"),
        pytest.param("[:::]", 421, id="no-IPv6"),
        pytest.param("", 421, id="empty"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/native", "/socket.io/?EIO=4&transport=polling"])
async def test_host_not_allowed_is_421_on_every_kind_of_route(
    http_attack: HttpAttack, host: str, status: int, path: str
) -> None:
    """RFC 9110 section 7.4. It applies to the handshake of Socket.IO, too."""
    hosts = ("example.org", "*.wild.example", "[::1]")
    target = await http_attack(parts={"listeners": [NativeRoute]}, allowed_hosts=(*hosts, "x"))

    answer, _, body = await target.ask(head(f"Host: {host}", target=f"GET {path}"))

    assert answer == status
    if status == 421:
        assert json.loads(body) == {"statusCode": 421, "message": "this host is not served here"}


@pytest.mark.parametrize(
    ("authority", "host", "status"),
    [
        pytest.param("http://x", "x", 200, id="the-same"),
        pytest.param("http://X.:80", "x", 200, id="the-same-with-its-port"),
        pytest.param("http://evil.example", "x", 421, id="another"),
        pytest.param("http://x:81", "x", 421, id="another-port"),
        pytest.param("http://x@evil.example", "x", 421, id="behind-a-user"),
        pytest.param("http://x", "evil.example", 421, id="the-other-way-round"),
    ],
)
async def test_target_with_another_host_than_the_header_is_421(
    http_attack: HttpAttack, authority: str, host: str, status: int
) -> None:
    """RFC 9112 section 3.2.2: the host of the target has precedence."""
    target = await http_attack()

    text = head(f"Host: {host}", target=f"GET {authority}/named/a")
    answer, _, body = await target.ask(text)

    assert answer == status
    if status == 200:
        assert json.loads(body) == ["/named/{name}", "/named/a", "a"]


async def test_host_forwarded_by_a_trusted_proxy_is_used(
    http_attack: HttpAttack,
) -> None:
    target = await http_attack(allowed_hosts=("example.org", "x"), trusted_proxies=("127.0.0.1",))

    forwarded = "X-Forwarded-Host: example.org"
    assert (await target.ask(head("Host: inner", forwarded, target="GET /")))[0] == 200
    forwarded = "X-Forwarded-Host: evil.example"
    assert (await target.ask(head("Host: example.org", forwarded, target="GET /")))[0] == 421


async def test_host_forwarded_by_an_untrusted_client_is_ignored(
    http_attack: HttpAttack,
) -> None:
    target = await http_attack(allowed_hosts=("example.org", "x"))

    forwarded = "X-Forwarded-Host: example.org"
    assert (await target.ask(head("Host: evil.example", forwarded, target="GET /")))[0] == 421


async def test_host_not_allowed_is_421_on_the_port_of_socketio(
    http_attack: HttpAttack,
) -> None:
    target = await http_attack(parts={"socketio": {"port": 0}}, allowed_hosts=("x",))
    wire = await Wire.to(target.application.servers["socketio"])

    wire.send(head("Host: evil.example", target="GET /socket.io/?EIO=4&transport=polling"))

    assert (await wire.answer())[0] == 421
    await wire.close()


@pytest.mark.parametrize(
    ("host", "status"),
    [("a.example:8080", 200), ("a.example:81", 404), ("a.example", 404), ("b.example", 200)],
    ids=["its-port", "another-port", "default-port", "port-80"],
)
async def test_host_with_port_is_compared_with_the_port_that_the_client_uses(
    http_attack: HttpAttack, host: str, status: int
) -> None:
    hosts = ("a.example:8080", "b.example:80", "x")
    target = await http_attack(allowed_hosts=hosts, unknown_host=404)

    answer, _, _ = await target.ask(head(f"Host: {host}", target="GET /"))

    assert answer == status


async def test_allowed_hosts_star_allows_all(http_attack: HttpAttack) -> None:
    target = await http_attack(allowed_hosts=("x.example", "*"))

    answer, _, _ = await target.ask(head("Host: other.example", target="GET /"))

    assert answer == 200
