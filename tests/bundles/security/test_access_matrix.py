"""E6, and point 3 of the issue: the same verdict over every transport, for every client."""

from typing import Any

import pytest

from bundles.security import Policy, SecurityBundle, Token, access
from bundles.security.access_matrix import RAN, AccessMatrix
from bundles.security.pytest_plugin import CheckAccess
from rxkernel import Bundle, KernelEvents, Request, Transport, both, observe, procedure, websocket
from tests.bundles.security.shop import Account, Accounts, Articles, application_of, token_of

USERS = ("ada", "eve", "root")
PARAMS = {"article_change": {"slug": "ada"}, "/room/{id}": {"id": "7"}}


class Rooms:
    @access("public")
    @websocket("paint", namespace="/room/{id}")
    async def paint(self) -> None: ...

    @access(roles="admin")
    @websocket("clear", namespace="/admin")
    async def clear(self) -> None: ...


class Prices:
    @access(roles="editor")
    @procedure("price", "LINES")
    async def price(self) -> None: ...


class Lines(Bundle):
    name = "lines"
    transports = (Transport("LINES"),)
    controllers = (Prices,)


async def test_matrix_of_application_is_green_and_runs_nothing(
    access_matrix: CheckAccess,
) -> None:
    rules = {"/room/{id}": access("authenticated"), "/admin": access("public")}
    bundle = SecurityBundle(Accounts, connect=rules)
    ran: list[str] = []

    class Noting(Articles):
        def __init__(self) -> None:
            self.ran = ran

    application = application_of(Noting, Rooms, bundle=bundle)
    application.bundles = (*application.bundles, Lines)

    rows = await access_matrix(application, USERS, PARAMS)

    verdicts = {(r.transport, r.route, r.client): r.verdict for r in rows}
    for transport in ("HTTP", "SOCKET"):
        assert verdicts[transport, "article_show", "no credential"] == RAN
        assert verdicts[transport, "article_change", "no credential"] == 401
        assert verdicts[transport, "article_change", "expired credential"] == 401
        assert verdicts[transport, "article_change", "ada"] == RAN
        assert verdicts[transport, "article_change", "eve"] == 403
        assert verdicts[transport, "article_delete", "eve"] == 403
        assert verdicts[transport, "article_delete", "root"] == RAN
    assert verdicts["HTTP", "article_show", "bad credential"] == RAN
    assert verdicts["SOCKET", "article_show", "bad credential"] == 401  # at CONNECT
    assert verdicts["SOCKET", "/room/{id}:paint", "no credential"] == 401
    assert verdicts["SOCKET", "/admin:clear", "bad credential"] == 401
    assert verdicts["LINES", "LINES:price", "ada"] == 403
    assert verdicts["LINES", "LINES:price", "eve"] == RAN
    assert ran == []


class ByTransport(Policy):
    async def allows(self, token: Token[Account], request: Request) -> bool:
        return request.transport is Transport.HTTP


class Uneven:
    @access(ByTransport)
    @both("GET", "/uneven", "uneven")
    async def uneven(self) -> None: ...


class Guarded:
    @access(roles="admin")
    @both("GET", "/guarded", "guarded")
    async def guarded(self) -> None: ...


class Edited:
    @access(lambda token, request: request.param("slug") == token.identifier)
    @both("GET", "/edited", "edited")
    async def edited(self, slug: str) -> None: ...


class Mine:
    @access("authenticated")
    @both("GET", "/mine", "mine")
    async def mine(self) -> None: ...


class Opens:
    """A listener that undoes a rule."""

    @observe(KernelEvents.KERNEL_HEAD, priority=101)
    async def open(self, event: Any) -> None:
        if event.request.route_name == "guarded" and event.request.connection is not None:
            event.stop_propagation()


@pytest.mark.parametrize(
    ("controller", "listeners", "users", "problem"),
    [
        (Uneven, (), USERS, "uneven (policy=ByTransport.allows), ada: ran over HTTP, 403 over SO"),
        (Guarded, (), ("ada",), "HTTP guarded (roles=admin): no user of the matrix may call it"),
        (
            Edited,
            (),
            USERS,
            "HTTP edited (policy=Edited.<lambda>): its policy decided for no",
        ),
        (
            Uneven,
            (),
            (),
            "SOCKET uneven (policy=ByTransport.allows): its policy decided",
        ),
        (Mine, (), (), "SOCKET mine (authenticated): no user of the matrix may call it; add one"),
        (
            Guarded,
            (Opens,),
            USERS,
            "SOCKET guarded (roles=admin), no credential: ran, expected 401",
        ),
    ],
)
async def test_matrix_reports_problem(
    controller: type, listeners: tuple[type, ...], users: tuple[str, ...], problem: str
) -> None:
    application = application_of(controller)
    application.listeners = listeners
    with pytest.raises(AssertionError) as error:
        await AccessMatrix(application, users).check()
    assert problem in str(error.value)


async def test_matrix_with_params_of_unknown_route_is_error() -> None:
    with pytest.raises(AssertionError, match=r"params has 'artikle_change'; its keys are names"):
        await AccessMatrix(application_of(), USERS, {"artikle_change": {}}).check()


async def test_matrix_with_unknown_user_is_error() -> None:
    with pytest.raises(AssertionError, match="the provider has no user 'nobody'"):
        await AccessMatrix(application_of(), ["nobody"]).check()


async def test_matrix_uses_tokens_of_another_issuer() -> None:
    made: list[tuple[str, bool]] = []

    async def make_token(identifier: str, is_expired: bool) -> str:
        made.append((identifier, is_expired))
        return token_of(identifier, -3600 if is_expired else 3600)

    await AccessMatrix(application_of(Guarded), ["root"]).check(make_token)
    assert made == [("root", True), ("root", False)]
