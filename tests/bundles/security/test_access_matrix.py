"""The access matrix: each client gets the same verdict over every transport (E6)."""

from typing import Any

import pytest

from bundles.security import Policy, SecurityBundle, SecuritySettings, Token, access
from bundles.security.pytest_plugin import CheckAccess, MatrixUser
from bundles.security.testing.access_matrix import RAN, AccessMatrix
from bundles.sessions import SessionsBundle
from rxkernel import (
    Bundle,
    KernelEvents,
    NotFoundException,
    Request,
    Transport,
    both,
    observe,
    procedure,
    websocket,
)
from tests.bundles.security.shop import (
    PASSWORD,
    ROLES,
    Account,
    Accounts,
    Articles,
    application_of,
    token_of,
)

USERS = ("ada", "eve", "root")
PARAMS_OF_ARTICLES = {"article_change": {"slug": "ada"}}
PARAMS_OF_ROOM = {"/room/{id}": {"id": "7"}}
PARAMS = {**PARAMS_OF_ARTICLES, **PARAMS_OF_ROOM}


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


async def test_matrix_of_an_application_has_verdicts_and_runs_no_action(
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


class Carts:
    @access("session")
    @both("GET", "/cart", "cart")
    async def cart(self) -> None: ...

    @access("session")
    @websocket("look", namespace="/cart")
    async def look(self) -> None: ...

    @access("session", roles="editor")
    @both("GET", "/desk", "desk")
    async def desk(self) -> None: ...

    @access("public")
    @websocket("sort", namespace="/admin")
    async def sort(self) -> None: ...


async def test_matrix_sends_each_credential_that_the_settings_accept(
    access_matrix: CheckAccess,
) -> None:
    settings = SecuritySettings(roles=ROLES, basic=True, api_key_header="X-API-Key")
    rules = {"/admin": access(roles="admin"), "/cart": access("session")}
    bundle = SecurityBundle(Accounts, connect=rules)
    bundles = (SessionsBundle, Lines)
    application = application_of(
        Articles, Carts, bundle=bundle, bundles=bundles, settings=settings
    )
    ada = MatrixUser("ada", password=PASSWORD, api_key="key-of-ada")

    rows = await access_matrix(application, [ada, "eve", "root"], PARAMS_OF_ARTICLES)

    verdicts = {(r.transport, r.route, r.client): r.verdict for r in rows}
    assert {row.client for row in rows} == {
        *("no credential", "bad credential", "bad basic", "bad API key", "unknown session"),
        *("session without a user", "expired credential", "ada", "ada, session", "ada, basic"),
        *("ada, API key", "eve", "eve, session", "eve, roles removed", "root", "root, session"),
        "root, roles removed",
    }
    for transport in ("HTTP", "SOCKET"):
        for kind in ("", ", session", ", basic", ", API key"):
            assert verdicts[transport, "article_list", f"ada{kind}"] == RAN
            assert verdicts[transport, "article_delete", f"ada{kind}"] == 403
        for bad in ("bad basic", "bad API key", "unknown session", "session without a user"):
            assert verdicts[transport, "article_list", bad] == 401
        assert verdicts[transport, "cart", "session without a user"] == RAN
        assert verdicts[transport, "cart", "unknown session"] == 401
        assert verdicts[transport, "desk", "session without a user"] == 401
        assert verdicts[transport, "article_delete", "root, session"] == RAN
        assert verdicts[transport, "article_delete", "root, roles removed"] == 403
        assert verdicts[transport, "article_list", "root, roles removed"] == RAN
    assert verdicts["SOCKET", "/cart:look", "session without a user"] == RAN
    assert verdicts["SOCKET", "/cart:look", "unknown session"] == 401
    assert verdicts["SOCKET", "/admin:sort", "root"] == RAN
    assert verdicts["SOCKET", "/admin:sort", "root, roles removed"] == 403
    assert verdicts["LINES", "LINES:price", "eve, session"] == RAN
    assert verdicts["LINES", "LINES:price", "eve, roles removed"] == 403


@pytest.mark.parametrize(
    ("user", "problem"),
    [
        (MatrixUser("ada", password=PASSWORD), r"security\.basic is false"),
        (MatrixUser("ada", api_key="key-of-ada"), r"security\.api_key_header is empty"),
    ],
)
async def test_matrix_with_credential_that_is_not_accepted_is_error(
    user: MatrixUser, problem: str
) -> None:
    with pytest.raises(AssertionError, match=problem) as error:
        await AccessMatrix(application_of(), [user]).check()
    assert "key-of-ada" not in str(error.value)


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


class Never:
    @access(lambda token, request: False)
    @both("GET", "/never", "never")
    async def never(self) -> None: ...


async def find(token: Token[Account], request: Request) -> bool:
    raise NotFoundException


class Gone:
    @access(find)
    @both("GET", "/gone", "gone")
    async def gone(self) -> None: ...


class Mine:
    @access("authenticated")
    @both("GET", "/mine", "mine")
    async def mine(self) -> None: ...


class Opens:
    """A listener that removes a rule."""

    @observe(KernelEvents.KERNEL_HEAD, priority=101)
    async def open(self, event: Any) -> None:
        if event.request.route_name == "guarded" and event.request.connection is not None:
            event.stop_propagation()


class Remembers:
    """A listener that trusts the identity with which a socket has connected."""

    @observe(KernelEvents.KERNEL_HEAD, priority=101)
    async def remember(self, event: Any) -> None:
        if event.request.connection is not None:
            event.request.token = event.request.connection.token


@pytest.mark.parametrize(
    ("controller", "listeners", "users", "problem"),
    [
        (Uneven, (), USERS, "uneven (policy=ByTransport.allows), ada: ran over HTTP, 403 over SO"),
        (Guarded, (), ("ada",), "HTTP guarded (roles=admin): no user of the matrix may call it"),
        (
            Edited,
            (),
            USERS,
            "HTTP edited (policy=Edited.<lambda>): its policy was not called for any",
        ),
        (
            Uneven,
            (),
            (),
            "SOCKET uneven (policy=ByTransport.allows): its policy was not called",
        ),
        (Mine, (), (), "SOCKET mine (authenticated): no user of the matrix may call it; add a"),
        (
            Guarded,
            (Opens,),
            USERS,
            "SOCKET guarded (roles=admin), no credential: ran, expected 401",
        ),
        (
            Guarded,
            (Remembers,),
            USERS,
            "SOCKET guarded (roles=admin), root, roles removed: ran, expected 403",
        ),
        (
            Never,
            (),
            USERS,
            "HTTP never (policy=Never.<lambda>): its policy allows no user of the matrix (403);",
        ),
        (
            Gone,
            (),
            USERS,
            "SOCKET gone (policy=find): its policy allows no user of the matrix (404)",
        ),
    ],
)
async def test_matrix_with_a_problem_fails_with_its_text(
    controller: type, listeners: tuple[type, ...], users: tuple[str, ...], problem: str
) -> None:
    application = application_of(controller)
    application.listeners = listeners
    with pytest.raises(AssertionError) as error:
        await AccessMatrix(application, users).check()
    assert problem in str(error.value)


async def test_matrix_with_params_of_unknown_route_is_error() -> None:
    with pytest.raises(
        AssertionError, match=r"params has 'artikle_change'; its keys must be names"
    ):
        await AccessMatrix(application_of(), USERS, {"artikle_change": {}}).check()


async def test_matrix_accepts_route_that_is_marked_as_unreachable() -> None:
    rows = await AccessMatrix(application_of(Never), USERS, unreachable=["never"]).check()
    assert {row.verdict for row in rows if row.route == "never"} == {401, 403}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nevr", "unreachable has 'nevr'; it must have names of routes: .*never"),
        ("mine", r"HTTP mine \(authenticated\): unreachable names it, but a user may call it"),
    ],
)
async def test_matrix_with_wrong_unreachable_route_is_error(name: str, problem: str) -> None:
    application = application_of(Never, Mine)
    with pytest.raises(AssertionError, match=problem):
        await AccessMatrix(application, USERS, unreachable=["never", name]).check()


async def test_matrix_names_rule_of_namespace_in_its_problems() -> None:
    bundle = SecurityBundle(Accounts, connect={"/admin": access(roles="admin")})
    with pytest.raises(AssertionError) as error:
        await AccessMatrix(application_of(Rooms, bundle=bundle), ["ada"], PARAMS_OF_ROOM).check()
    problem = (
        "SOCKET /admin:clear (roles=admin, in a namespace with the rule roles=admin): no user"
    )
    assert problem in str(error.value)


def test_matrix_with_object_of_user_is_error() -> None:
    with pytest.raises(
        AssertionError, match=r"users has Account\(.*; it must have identifiers that load"
    ):
        AccessMatrix(application_of(), [Account("ada")])  # type: ignore[list-item] # wrong


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
