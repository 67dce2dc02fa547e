"""The log of `serve`: lines of text, or JSON."""

import asyncio
import io
import json
import logging
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from rxkernel import Request as Message
from rxkernel import RequestIdFilter
from rxkernel.cli.logs import JsonFormatter, LineHandler, TextFormatter
from rxkernel.kernel.scopes import current_request
from tests.cli.conftest import Start, Write


def record(
    message: str, *args: object, extra: dict[str, Any] | None = None, failed: bool = False
) -> logging.LogRecord:
    """Return a record as the handler of `serve` gets it."""
    try:
        raise ValueError("first\nsecond") if failed else KeyError
    except (ValueError, KeyError):
        info = sys.exc_info() if failed else None
    made = logging.getLogger("shop").makeRecord(
        "shop", logging.WARNING, __file__, 1, message, args, info, extra=extra
    )
    RequestIdFilter().filter(made)
    return made


def parsed(made: logging.LogRecord) -> Any:
    line = JsonFormatter().format(made)
    assert "\n" not in line
    return json.loads(line)


def text(made: logging.LogRecord) -> str:
    return TextFormatter().format(made).partition(" ")[2].partition(" ")[2]


def test_text_record_is_one_line_with_id() -> None:
    assert text(record("sold %d", 3)) == "WARNING shop: sold 3"

    token = current_request.set(Message("HTTP", id="mine"))
    try:
        assert text(record("sold %d", 3)) == "WARNING shop: sold 3 id=mine"
    finally:
        current_request.reset(token)


def test_text_record_of_worker_contains_its_number() -> None:
    line = TextFormatter(2).format(record("sold"))
    fields = json.loads(JsonFormatter(2).format(record("sold")))

    assert line.endswith(" WARNING [worker 2] shop: sold")
    assert fields["worker"] == 2
    assert "worker" not in parsed(record("sold"))


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("a\n2026 ERROR root: fake", r"a\n2026 ERROR root: fake"),
        ("a\r\x0b\x0c\x85\u2028", r"a\r\x0b\x0c\x85\u2028"),
        ("\x1b[31mred\x07\x9b", r"\x1b[31mred\x07\x9b"),
        ("\u202eright to left", r"\u202eright to left"),
        ("naïve 你好", "naïve 你好"),
    ],
)
def test_text_message_with_line_breaks_is_one_line(message: str, shown: str) -> None:
    assert text(record("%s", message)) == f"WARNING shop: {shown}"


def test_text_message_of_1_mb_is_cut() -> None:
    assert len(text(record("%s", "x" * 1_000_000))) < 10_000


def test_text_traceback_is_indented() -> None:
    first, *rest = text(record("no luck", failed=True)).splitlines()

    assert first == "WARNING shop: no luck"
    assert rest[0] == "  Traceback (most recent call last):"
    assert rest[-2:] == ["  ValueError: first", "  second"]
    assert all(line.startswith("  ") for line in rest)


def test_text_traceback_cached_by_another_handler_is_indented() -> None:
    """logging caches the text of the traceback on the record, for the next handler."""
    shared = record("no luck", failed=True)
    first = logging.Formatter().format(shared)

    assert all(line.startswith("  ") for line in text(shared).splitlines()[1:])
    assert logging.Formatter().format(shared) == first


def test_record_of_another_process_has_its_traceback() -> None:
    """Such a record has no ``exc_info``, which cannot be pickled, but ``exc_text``."""
    made = record("failed")
    made.exc_text = "Traceback:\nValueError: 3"
    assert text(made) == "WARNING shop: failed\n  Traceback:\n  ValueError: 3"
    assert made.exc_text == "Traceback:\nValueError: 3"
    assert parsed(made)["exception"] == "Traceback:\nValueError: 3"


def test_json_record_has_documented_fields() -> None:
    token = current_request.set(Message("HTTP", id="mine", route_name="order"))
    try:
        fields = parsed(record("sold %d", 3, extra={"price": 1.5, "tags": ["a"]}))
    finally:
        current_request.reset(token)

    time = datetime.fromisoformat(fields.pop("time"))
    assert time.utcoffset() == timedelta(0)
    assert fields == {
        "level": "WARNING",
        "logger": "shop",
        "message": "sold 3",
        "request_id": "mine",
        "route": "order",
        "price": 1.5,
        "tags": ["a"],
    }


def test_json_record_omits_missing_fields() -> None:
    assert parsed(record("x")).keys() == {"time", "level", "logger", "message"}


def test_json_record_has_exception() -> None:
    exception = parsed(record("x", failed=True))["exception"]

    assert exception.startswith("Traceback (most recent call last):")
    assert exception.endswith("ValueError: first\nsecond")


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __repr__


def test_json_record_of_any_value_is_written() -> None:
    circular: list[Any] = []
    circular.append(circular)
    given = {
        "number": float("nan"),
        "object": object(),
        "broken": Broken(),
        "circular": circular,
        "surrogate": "\ud800",
        "path": Path("/tmp"),
        "request_id": "brought",
        "level": "none of yours",
    }
    fields = parsed(record("\ud800 %s", "x", extra=given))

    assert fields["message"] == "\\ud800 x"
    assert fields["object"].startswith("<object object")
    assert fields["broken"] == "<Broken: RuntimeError in its repr>"
    assert fields["surrogate"] == "\\ud800"
    assert (fields["request_id"], fields["level"]) == ("brought", "WARNING")
    assert "not all arguments" in parsed(record("x", 1))["message"]


SHOP = """
import logging
from rxkernel import Application, http

class Shop:
    @http("GET", "/order", "order")
    async def order(self, request):
        logging.getLogger("shop").warning("sold", extra={"price": 3})
        return "ok"

application = Application(controllers=[Shop])
"""


def ask(url: str) -> None:
    with urlopen(Request(f"{url}/order", headers={"X-Request-ID": "mine"})) as response:
        assert response.headers["X-Request-ID"] == "mine"


def test_serve_writes_text(start: Start, write: Write) -> None:
    Path("rxkernel.toml").write_text("logging.access = true")
    process = start("serve", write(SHOP), "--port", "0")

    ask(process.url())

    process.line(r" WARNING shop: sold id=mine$")
    process.line(r" INFO    rxkernel\.access: GET /order 200 \d+\.\d ms 127\.0\.0\.1 id=mine$")


def test_serve_writes_json(start: Start, write: Write) -> None:
    Path("rxkernel.toml").write_text('[logging]\nformat = "json"\naccess = true')
    process = start("serve", write(SHOP), "--port", "0")

    ask(process.url())

    sold = json.loads(process.line('"logger":"shop"').string)
    assert (sold["message"], sold["price"], sold["request_id"]) == ("sold", 3, "mine")
    assert list(sold)[:6] == ["time", "level", "logger", "message", "request_id", "route"]
    seen = json.loads(process.line('"logger":"rxkernel.access"').string)
    assert list(seen)[:6] == ["time", "level", "logger", "message", "request_id", "route"]
    assert (seen["path"], seen["status"], seen["route"]) == ("/order", 200, "order")


class Writes(io.StringIO):
    """A stream that records each write."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[str] = []

    def write(self, text: str) -> int:
        self.all.append(text)
        return len(text)


@pytest.fixture
def handler() -> LineHandler:
    handler = LineHandler()
    handler.setStream(Writes())
    return handler


def log(handler: LineHandler, name: str, message: str) -> None:
    handler.handle(logging.LogRecord(name, logging.INFO, "", 0, message, (), None))


def writes(handler: LineHandler) -> list[str]:
    stream = handler.stream
    assert isinstance(stream, Writes)
    return stream.all


async def test_access_log_lines_are_written_together_in_order(
    handler: LineHandler,
) -> None:
    log(handler, "rxkernel.access", "first")
    log(handler, "rxkernel.access", "second")
    assert writes(handler) == []

    await asyncio.sleep(0)
    assert writes(handler) == ["first\nsecond\n"]

    log(handler, "rxkernel.access", "third")
    log(handler, "shop", "an error")
    assert "".join(writes(handler)) == "first\nsecond\nthird\nan error\n"


async def test_access_log_at_exit_is_written(handler: LineHandler) -> None:
    log(handler, "rxkernel.access", "last")
    handler.close()
    handler.flush()

    assert writes(handler) == ["last\n"]


def test_access_log_without_loop_is_written_at_once(handler: LineHandler) -> None:
    log(handler, "rxkernel.access", "first")

    assert "".join(writes(handler)) == "first\n"


async def test_access_log_failing_stream_is_reported_by_logging(
    handler: LineHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    handler.setStream(io.StringIO())
    handler.stream.close()

    log(handler, "rxkernel.access", "first")
    handler.flush()
    log(handler, "rxkernel.access", "second")
    await asyncio.sleep(0)

    assert capsys.readouterr().err.count("--- Logging error ---") == 2


def test_access_log_lines_of_ended_loop_are_written_with_next(handler: LineHandler) -> None:
    async def log_one(message: str) -> None:
        log(handler, "rxkernel.access", message)

    for message in ("first", "second"):
        loop = asyncio.new_event_loop()
        loop.create_task(log_one(message))  # noqa: RUF006 - the loop runs it at once
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.close()
    handler.flush()

    assert "".join(writes(handler)) == "first\nsecond\n"
