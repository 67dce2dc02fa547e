"""What clients send is escaped and truncated in the log."""

import asyncio
import json
import logging
from collections.abc import Callable
from urllib.parse import quote

import pytest

from rxkernel import (
    Application,
    InternalServerErrorException,
    Request,
    ServiceUnavailableException,
    Transport,
    http,
    websocket,
)
from rxkernel.cli.logs import TextFormatter
from rxkernel.kernel.errors import log_failure
from tests.servers.conftest import Serve
from tests.servers.hostile_http import HttpAttack, head
from tests.servers.socketio_clients import raw_socket
from tests.waiting import until


class Failing:
    @http("GET", "/fails/{name:path}", "fails")
    async def fails(self, request: Request) -> None:
        raise ServiceUnavailableException(f"no {request.params['name']}")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            head("Host: x", target="GET /fails/%0aERROR%20fake%1b[31m" + "a" * 4000),
            id="path-in-a-message",
        ),
        pytest.param(head("Host: x\x01\x1b[31m", target="GET /"), id="host"),
        pytest.param(head("Host: x", "A\x1b[31m: b", target="GET /"), id="header-name"),
        pytest.param(head("Host: x", target="G\x1b[31mT /"), id="method"),
        pytest.param(
            head(
                "Host: x",
                "Origin: http://\xff\xfe" + "a" * 4000,
                target="GET /socket.io/?EIO=4&transport=polling",
            ),
            id="origin",
        ),
    ],
)
async def test_log_escapes_and_truncates_what_a_client_sends(
    http_attack: HttpAttack, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    target = await http_attack(Failing)
    caplog.set_level(logging.DEBUG)

    await target.ask(text)

    assert target.lines
    assert all(line.isprintable() and line.isascii() for line in target.lines)
    assert all(len(line) <= 300 for line in target.lines)


async def test_log_does_not_contain_the_session_id(
    http_attack: HttpAttack, caplog: pytest.LogCaptureFixture
) -> None:
    target = await http_attack()
    caplog.set_level(logging.INFO)

    for sid in "a%0aERROR%20fake", "%1b[31m", "a" * 8000:
        path = f"/socket.io/?EIO=4&transport=polling&sid={sid}"
        assert (await target.ask(head("Host: x", target=f"GET {path}")))[0] == 400

    assert target.lines == []


@pytest.mark.parametrize("name", ["a\nERROR fake", "\x1b[31m", "a" * 1_000_000, "\u202e"])
@pytest.mark.parametrize("exception", [RuntimeError("x"), InternalServerErrorException("\nx")])
def test_log_of_a_failure_escapes_and_truncates_the_event_name(
    name: str, exception: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    log_failure(Request(Transport.SOCKET, url=name), exception)

    (line,) = (record.getMessage() for record in caplog.records)
    assert line.isprintable()
    assert len(line) < 500


ID = {"request_id_header": "X-Request-ID"}


class Fine:
    @http("GET", "/fine", "fine")
    @websocket("fine")
    async def fine(self, request: Request) -> str:
        return "fine"


CONTROL_TEXTS = [
    pytest.param("x\n2026-01-01 00:00:00 ERROR rxkernel: fake", id="newline"),
    pytest.param("x\r\nfake", id="carriage-return"),
    pytest.param("\x1b[2J\x1b]0;title\x07", id="ANSI"),
    pytest.param("\u2028\x85\x0b\x9b31m", id="other-line-breaks"),
    pytest.param("x" * 1_000_000, id="1-MB"),
]


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The lines that `rxkernel serve` writes for the loggers of rxkernel."""
    caplog.set_level(logging.INFO)

    def lines() -> list[str]:
        ours = [record for record in caplog.records if record.name.startswith("rxkernel")]
        return [TextFormatter().format(record) for record in ours]

    return lines


def assert_escaped(lines: list[str], *, at_least: int = 1) -> None:
    """Each record is one printable line of limited length."""
    assert len(lines) >= at_least
    for line in lines:
        assert line.isprintable(), line
        assert len(line) < 600, len(line)


@pytest.mark.parametrize("text", CONTROL_TEXTS)
async def test_log_line_with_an_event_name_has_no_line_break(
    serve: Serve, lines: Callable[[], list[str]], text: str
) -> None:
    application = await serve(Fine, access=True, socketio={"max_payload": 3_000_000})

    async with raw_socket(application) as socket:
        await socket.send("421" + json.dumps([text]))
        assert (await socket.acknowledged(1))["statusCode"] == 404
    await until(lambda: [line for line in lines() if "EVENT " in line])

    assert_escaped(lines())


@pytest.mark.parametrize("text", CONTROL_TEXTS[:-1])
@pytest.mark.parametrize(
    "target", ["/{}", "/?token={}", "/socket.io/?EIO=4&transport=polling&sid={}"]
)
async def test_log_line_with_a_path_has_no_line_break(
    serve: Serve, lines: Callable[[], list[str]], text: str, target: str
) -> None:
    """Percent-encoded and raw. aiohttp rejects some raw paths, and that is logged."""
    application = await serve(Fine, access=True)

    for written in (quote(text, safe=""), text):
        await ask(application, target.format(written).encode(), b"")
    await until(lambda: len([line for line in lines() if "rxkernel.access" in line]) >= 2)

    assert_escaped(lines(), at_least=2)
    assert not any("token" in line for line in lines() if "rxkernel.access" in line)


@pytest.mark.parametrize("text", CONTROL_TEXTS[2:-1])
async def test_log_record_with_a_user_agent_has_no_line_break(
    serve: Serve, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    """``User-Agent`` is a field of the access log; an invalid id is replaced."""
    caplog.set_level(logging.INFO, "rxkernel.access")
    application = await serve(Fine, access=True, **ID)
    head = f"User-Agent: x{text}\r\nX-Request-ID: {text}\r\n".encode()

    await ask(application, b"/fine", head)
    await until(lambda: [r for r in caplog.records if r.name == "rxkernel.access"])

    record = vars(next(r for r in caplog.records if r.name == "rxkernel.access"))
    assert (record["user_agent"] or "").isprintable()
    assert text not in record["request_id"]


async def ask(application: Application, target: bytes, head: bytes) -> bytes:
    """Send one request unchanged and return everything that is received."""
    port = application.servers["http"].port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%b\r\n" % (target, head))
    answer = await reader.read()
    writer.close()
    return answer
