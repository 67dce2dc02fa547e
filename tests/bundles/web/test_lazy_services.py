"""Services of the stage ``lazy``: the services of the request have ended when it runs."""

import pytest
from injector import Binder

from rxkernel import Bundle, request_scope
from tests.bundles.web.conftest import Site


class Session:
    """A session of a database."""

    log: list[str]
    is_open = False

    def __init__(self) -> None:
        self.log = LOG
        self.number = len([each for each in LOG if each.endswith("opened")]) + 1

    async def __aenter__(self) -> "Session":
        self.is_open = True
        self.log.append(f"{self.number} opened")
        return self

    async def __aexit__(self, kind: object, exc: object, traceback: object) -> None:
        self.is_open = False
        self.log.append(f"{self.number} {'committed' if exc is None else 'rolled back'}")


LOG: list[str] = []


class Sessions(Bundle):
    name = "sessions_of_tests"

    def configure(self, binder: Binder) -> None:
        binder.bind(Session, scope=request_scope)


GET = """
from tests.bundles.web.test_lazy_services import Session

async def get(client, session: Session):
    session.log.append(f"get {session.number} {session.is_open}")
    return "x"
"""

LAZY = """
from tests.bundles.web.test_lazy_services import Session

async def lazy(client, session: Session):
    session.log.append(f"lazy {{session.number}} {{session.is_open}}")
    same = await client.request.get(Session)
    assert same is session
    {code}
"""


@pytest.fixture(autouse=True)
def log() -> list[str]:
    LOG.clear()
    return LOG


async def test_lazy_uses_new_services(site: Site, log: list[str]) -> None:
    files = {"app/get.py": GET, "app/lazy.py": LAZY.format(code="pass")}
    client = await site.start(files, bundles=[Sessions()])

    response = await client.http("GET /")

    assert response.content == "x"
    assert log == [
        "1 opened",
        "get 1 True",
        "1 committed",
        "2 opened",
        "lazy 2 True",
        "2 committed",
    ]


async def test_services_of_failed_lazy_get_its_exception(
    site: Site, log: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    files = {"app/get.py": GET, "app/lazy.py": LAZY.format(code="raise ValueError('late')")}
    client = await site.start(files, bundles=[Sessions()])

    assert (await client.http("GET /")).status_code == 200

    assert log[-2:] == ["lazy 2 True", "2 rolled back"]
    assert caplog.text.count("late") >= 1
    assert site.snapshot.readers.count == 0


async def test_lazy_takes_other_services_and_optional_ones(site: Site, log: list[str]) -> None:
    text = """
        from typing import Annotated

        from rxkernel import Header, Inject, Kernel
        from tests.bundles.web.test_lazy_services import LOG, Session

        class _Unbound: ...

        async def lazy(
            client,
            kernel: Kernel,
            unbound: Annotated[_Unbound | None, Inject()],
            default: Annotated[_Unbound, Inject()] = "default",
            session: Annotated[Session, Inject] | None = None,
            agent: Annotated[str, Header("X-Own")] = "-",
        ):
            assert kernel is await client.request.get(Kernel)
            LOG.append(f"{unbound} {default} {session.is_open} {agent}")
        """
    files = {"app/get.py": "async def get(client): return 'x'", "app/lazy.py": text}
    client = await site.start(files, bundles=[Sessions()])

    await client.http("GET /", headers={"X-Own": "own"})

    assert "None default True own" in log
