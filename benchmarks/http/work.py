"""The work of the servers, and the check that each does it before it is measured."""

import http.client
import json
from collections.abc import Mapping
from typing import Any

import attrs

from benchmarks.http.peers import Listeners

_JSON = {"Content-Type": "application/json"}


@attrs.frozen
class Work:
    """One request, sent repeatedly, and the JSON of its response."""

    name: str
    title: str
    path: str
    answer: Mapping[str, Any]
    method: str = "GET"
    body: bytes = b""


_ITEM = {
    "id": 4711,
    "name": "A bicycle with three wheels",
    "email": "somebody@some.example.org",
    "is_active": True,
    "score": 97.25,
    "tags": ["red", "used", "three wheels", "for children", "no basket", "two mirrors"],
    "address": {
        "street": "17 Long Street, second floor, left",
        "city": "Springfield",
        "code": "90210",
    },
}

HELLO = Work("hello", "hello", "/hello", {"hello": "world"})
PARAMETERS = Work(
    "parameters",
    "path and query",
    "/items/42?q=hello&limit=5",
    {"id": 42, "q": "hello", "limit": 5},
)
BODY = Work(
    "body",
    "validated body",
    "/items",
    _ITEM,
    method="POST",
    body=json.dumps(_ITEM, separators=(",", ":")).encode(),
)
ALL = {work.name: work for work in (HELLO, PARAMETERS, BODY)}


class WrongAnswerError(RuntimeError):
    """A server does not do its work correctly."""


def verify(port: int, listeners: Listeners) -> None:
    """Check every response, every error response, and that every listener runs.

    Raises:
        WrongAnswerError: with the request and the response.
    """
    for work in ALL.values():
        expect(port, work)
    for path in ("/items/x?q=hello&limit=5", "/items/42?q=hello&limit=x"):
        _refused(port, "GET", path, b"")
    for wrong in ({**_ITEM, "id": "x"}, {**_ITEM, "address": {"street": 1}}):
        _refused(port, "POST", "/items", json.dumps(wrong).encode())
    first, second = (_seen(port) for _ in range(2))
    ran = Listeners(second["seen"], second["counted"] - first["counted"])
    if ran != listeners:
        raise WrongAnswerError(f"of {listeners} {ran} ran")


def _seen(port: int) -> dict[str, int]:
    status, content = _answer(port, "GET", "/seen", b"")
    if status != 200 or not isinstance(content, dict) or set(content) != {"seen", "counted"}:
        raise WrongAnswerError(f"GET /seen: {status} {content!r}")
    return content


def expect(port: int, work: Work) -> None:
    """Check that *work* is done."""
    status, content = _answer(port, work.method, work.path, work.body)
    if status != 200 or content != work.answer:
        raise WrongAnswerError(f"{work.method} {work.path}: {status} {content!r}")


def _refused(port: int, method: str, path: str, body: bytes) -> None:
    status, content = _answer(port, method, path, body)
    if not 400 <= status < 500:
        raise WrongAnswerError(f"{method} {path} {body!r}: {status} {content!r}")


def _answer(port: int, method: str, path: str, body: bytes) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body or None, _JSON if body else {})
        response = connection.getresponse()
        text = response.read().decode()
        return response.status, json.loads(text) if response.status == 200 else text
    except (http.client.HTTPException, ValueError) as exc:
        raise WrongAnswerError(f"{method} {path}: {exc!r}") from exc
    finally:
        connection.close()
