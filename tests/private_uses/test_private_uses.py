"""Each private use of a library is listed with the files that need it, and still exists.

`docs/explain/dependencies.md` describes the private uses of each library.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.private_uses.aiohttp_uses import AIOHTTP
from tests.private_uses.injector_uses import INJECTOR
from tests.private_uses.other_uses import OTHERS
from tests.private_uses.private_use import PrivateUse
from tests.private_uses.scan import Source, Sources, files_of, read_sources, unlisted
from tests.private_uses.socketio_uses import SOCKETIO

ROOT = Path(__file__).parent.parent.parent
USES = (*AIOHTTP, *INJECTOR, *OTHERS, *SOCKETIO)
LISTED = {use.name.rpartition(".")[2] for use in USES}


@cache
def sources() -> Sources:
    """Read in the process that runs the tests of this file only."""
    return read_sources(ROOT / "rxkernel")


each_use = pytest.mark.parametrize("use", USES, ids=lambda use: use.name)


@each_use
def test_private_use_exists_in_the_installed_library(use: PrivateUse) -> None:
    use.verify()


@each_use
def test_private_use_is_listed_with_every_file_that_needs_it(use: PrivateUse) -> None:
    if use.spelled:
        assert files_of(use, sources()) == set(use.files)
    else:
        assert set(use.files) <= {source.file for source in sources()}


def test_sources_have_no_private_use_that_is_not_listed() -> None:
    """Add it to a table of this folder; what the documentation describes, to DOCUMENTED."""
    assert unlisted(sources(), LISTED) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("def f(native): return native._cache", "_cache"),
        ("def f(native): return getattr(native, '_cache', None)", "_cache"),
        ("from aiohttp.helpers import TimerNoop", "aiohttp.helpers.TimerNoop"),
        ("from aiohttp import http\nx = http.WebSocketWriter", "aiohttp.http.WebSocketWriter"),
        ("import aiohttp\nx = aiohttp.helpers.TimerNoop", "aiohttp.helpers.TimerNoop"),
        (
            "from aiohttp import web\nclass A(web.Request):\n def _finish(self): ...",
            "aiohttp.web.Request._finish",
        ),
        (
            "from aiohttp import web\nclass A(web.Request):\n def release(self): ...",
            "aiohttp.web.Request.release",
        ),
        (
            "import socketio\nclass A(socketio.AsyncServer):\n def f(self): self.handlers",
            "socketio.AsyncServer.handlers",
        ),
        (
            "from rxkernel.servers.aiohttp.connection.request_handler import RequestHandler\n"
            "class A(RequestHandler):\n def f(self): self.keep_alive(True)",
            "aiohttp.web.RequestHandler.keep_alive",
        ),
    ],
)
def test_private_use_that_is_not_listed_is_found(text: str, name: str) -> None:
    new = Source("servers/aiohttp/new.py", ast.parse(text))

    (found,) = unlisted((new,), LISTED, sources())

    assert (found.file, found.name) == (new.file, name)


def test_listed_use_in_another_file_is_found() -> None:
    new = Source("servers/aiohttp/new.py", ast.parse("def f(native): native.content.feed_eof()"))
    (use,) = (use for use in USES if use.name == "aiohttp.StreamReader.feed_eof")

    assert files_of(use, (*sources(), new)) == {*use.files, new.file}
