"""Rules of routes, over both transports."""

import pytest

from bundles.security import ANONYMOUS, Policy, SecurityBundle, Token, access, access_of
from bundles.security.rules.access import Access
from rxkernel import (
    Bundle,
    ForbiddenException,
    KernelClient,
    KernelEvents,
    Request,
    RequestEvent,
    Response,
    ServiceUnavailableException,
    Transport,
    both,
    observe,
    procedure,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.security.shop import (
    Account,
    Accounts,
    Articles,
    application_of,
    bearer,
    id_of,
    token_of,
)

BY_TRANSPORT = ("HTTP", "SOCKET")


async def send(
    client: KernelClient, transport: str, name: str, token: str | None = None, **params: object
) -> Response:
    """Send *params* with *token*, a bearer token in the place where *transport* has it."""
    if transport == "HTTP":
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return await client.http(name, params={"slug": "ada", **params}, headers=headers)
    auth = None if token is None else {"token": token}
    async with client.connection(auth=auth) as connection:
        params = {"slug": "ada", **params}
        return await client.websocket(name, params=params, connection=connection)


@pytest.mark.parametrize("transport", BY_TRANSPORT)
@pytest.mark.parametrize(
    ("name", "user", "status"),
    [
        ("article_show", None, 200),
        ("article_show", "ada", 200),
        ("article_list", None, 401),
        ("article_list", "ada", 200),
        ("article_change", None, 401),
        ("article_change", "ada", 200),
        ("article_change", "root", 403),
        ("article_delete", None, 401),
        ("article_delete", "ada", 403),
        ("article_delete", "eve", 403),
        ("article_delete", "root", 204),
        ("article_add", "ada", 403),
        ("article_add", "eve", 200),
        ("article_add", "root", 200),
        ("article_password", "ada", 200),
    ],
)
async def test_rule_of_route_decides_over_both_transports(
    client_of: ClientOf, transport: str, name: str, user: str | None, status: int
) -> None:
    client = client_of(application_of())
    token = None if user is None else token_of(user)

    response = await send(client, transport, name, token, title="new")

    assert response.status_code == status
    if status == 401:
        assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("transport", BY_TRANSPORT)
async def test_token_from_refresh_is_not_fully_authenticated(
    client_of: ClientOf, transport: str
) -> None:
    client = client_of(application_of())
    refreshed = token_of("ada", kind="refreshed")

    response = await send(client, transport, "article_password", refreshed)

    assert response.status_code == 403
    assert response.content["code"] == "fully_authenticated_required"
    assert (await send(client, transport, "article_list", refreshed)).status_code == 200


@pytest.mark.parametrize("transport", BY_TRANSPORT)
async def test_refused_action_does_not_run_and_its_body_is_not_read(
    client_of: ClientOf, transport: str
) -> None:
    client = client_of(application_of())

    for name in ("article_change", "article_delete", "article_add"):  # without its inputs
        assert (await send(client, transport, name)).status_code == 401

    assert client.application.injector.get(Articles).ran == []


async def test_unauthenticated_request_with_invalid_body_is_401(client_of: ClientOf) -> None:
    """401 before 400 and 422: anonymous clients do not learn the rules of the input."""
    client = client_of(application_of())
    headers = {"Content-Type": "application/json"}
    response = await client.http("article_add", body=b"{", headers=headers)
    assert response.status_code == 401


@pytest.mark.parametrize("transport", BY_TRANSPORT)
async def test_roles_of_token_include_inherited_roles(client_of: ClientOf, transport: str) -> None:
    client = client_of(application_of())
    response = await send(client, transport, "article_add", token_of("root"))
    assert response.content == ["admin", "author", "editor"]


async def test_public_route_with_bad_credential_has_no_user(client_of: ClientOf) -> None:
    client = client_of(application_of())
    wrong = {"Authorization": "Bearer wrong"}

    shown = await client.http("article_show", params={"slug": "x"}, headers=wrong)
    expired = await client.http("article_show", params={"slug": "x"}, headers=bearer("ada", -3600))
    listed = await client.http("article_list", headers=wrong)

    assert (shown.content, expired.content) == ("nobody", "nobody")
    assert listed.status_code == 401
    assert listed.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


async def test_request_without_credential_has_anonymous_token(client_of: ClientOf) -> None:
    seen: list[Token[Account]] = []

    class Look:
        @observe(KernelEvents.KERNEL_REQUEST)
        async def look(self, event: RequestEvent) -> None:
            seen.append(event.request.token)
            assert event.request.user is None

    application = application_of()
    application.listeners = (Look,)
    client = client_of(application)

    await client.http("article_show", params={"slug": "x"})
    await client.websocket("article_show", params={"slug": "x"})
    await client.http("healthz")

    assert seen == [ANONYMOUS, ANONYMOUS, ANONYMOUS]


async def test_token_of_message_describes_credential_without_showing_it(
    client_of: ClientOf,
) -> None:
    seen: list[Token[Account]] = []

    class Look:
        @access("authenticated")
        @both("GET", "/", "look")
        async def look(self, request: Request) -> None:
            seen.append(request.token)

    client = client_of(application_of(Look))
    text = token_of("eve")

    await client.http("look", headers={"Authorization": f"bearer  {text}"})

    (token,) = seen
    assert token.identifier == "eve"
    assert token.user is not None
    assert token.roles == {"editor", "author"}
    assert token.has_role("author")
    assert not token.has_role("admin")
    assert token.credential == "bearer"
    assert token.is_fully_authenticated
    assert token.id == id_of(text)
    assert text not in repr(token)


async def test_disabled_user_and_lost_role_are_refused_at_next_message(
    client_of: ClientOf,
) -> None:
    client = client_of(application_of())
    await client.application.boot()
    accounts = client.application.injector.get(Accounts)
    async with client.connection(auth={"token": token_of("root")}) as root:
        delete = {"slug": "x"}
        accounts.by_name["root"].roles = []
        refused = await client.websocket("article_delete", params=delete, connection=root)
        assert refused.status_code == 403
        del accounts.by_name["root"]
        gone = await client.websocket("article_delete", params=delete, connection=root)
        assert gone.status_code == 401
    assert (await client.http("article_list", headers=bearer("root"))).status_code == 401


@pytest.mark.parametrize("transport", BY_TRANSPORT)
@pytest.mark.parametrize(
    ("failure", "status"),
    [(RuntimeError("database"), 500), (ServiceUnavailableException("down"), 503)],
)
async def test_failing_provider_is_never_401(
    client_of: ClientOf, transport: str, failure: Exception, status: int
) -> None:
    client = client_of(application_of())
    await client.application.boot()
    accounts = client.application.injector.get(Accounts)
    token = token_of("ada")
    for name in ("article_list", "article_show"):
        if transport == "HTTP":
            accounts.failure = failure
            assert (await send(client, transport, name, token)).status_code == status
            continue
        accounts.failure = None
        async with client.connection(auth={"token": token}) as ada:
            accounts.failure = failure
            params = {"slug": "x"}
            response = await client.websocket(name, params=params, connection=ada)
            assert response.status_code == status


# --- policies


class OwnOnly(Policy):
    def __init__(self) -> None:
        self.calls = 0

    async def allows(self, token: Token[Account], request: Request) -> bool:
        self.calls += 1
        return request.param("slug") == token.identifier


async def admins_only(token: Token[Account], request: Request) -> bool:
    return token.has_role("admin")


def undecided(token: Token[Account], request: Request) -> bool:
    return None  # type: ignore[return-value]


def raising(token: Token[Account], request: Request) -> bool:
    raise ForbiddenException("not on Sundays")


class Policies:
    @access(OwnOnly)
    @both("GET", "/own/{slug}", "own")
    async def own(self, slug: str) -> str:
        return slug

    @access(admins_only)
    @both("GET", "/slow", "slow")
    async def slow(self) -> str:
        return "slow"

    @access(admins_only, roles="editor")
    @both("GET", "/two", "two")
    async def two(self) -> str:
        return "two"

    @access(undecided)
    @both("GET", "/broken", "broken")
    async def broken(self) -> str:
        return "broken"

    @access(raising)
    @both("GET", "/refusing", "refusing")
    async def refusing(self) -> str:
        return "refusing"


@pytest.mark.parametrize("transport", BY_TRANSPORT)
@pytest.mark.parametrize(
    ("name", "user", "status"),
    [
        ("own", None, 401),
        ("own", "ada", 200),
        ("own", "root", 403),
        ("slow", None, 401),
        ("slow", "ada", 403),
        ("slow", "root", 200),
        ("two", "root", 200),
        ("two", "eve", 403),
        ("broken", "root", 500),
        ("refusing", "root", 403),
    ],
)
async def test_policy_decides_over_both_transports(
    client_of: ClientOf, transport: str, name: str, user: str | None, status: int
) -> None:
    client = client_of(application_of(Policies))
    token = None if user is None else token_of(user)
    response = await send(client, transport, name, token)
    assert response.status_code == status
    if name == "refusing":
        assert response.content["message"] == "not on Sundays"


async def test_policy_over_socket_without_its_parameter_is_422(client_of: ClientOf) -> None:
    client = client_of(application_of(Policies)).as_user(Account("ada"))
    response = await client.websocket("own")
    assert response.status_code == 422


# --- the rule as a fact


async def test_access_rule_is_an_option_of_its_definition(
    client_of: ClientOf,
) -> None:
    client = client_of(application_of(bundle=SecurityBundle(Accounts, access="authenticated")))
    await client.application.boot()
    kernel = client.application.kernel

    shown = {d.name: repr(access_of(d)) for d in kernel.http_definitions}

    assert shown["article_show"] == "public"
    assert shown["article_delete"] == "roles=admin"
    assert shown["article_add"] == "roles=author|editor"
    assert shown["article_password"] == "fully_authenticated"
    assert shown["article_change"].startswith("policy=")
    assert shown["healthz"] == "public"
    assert access_of(kernel.websocket_definitions["article_list"]) == Access()


async def test_rule_of_method_replaces_the_rule_of_base_class(client_of: ClientOf) -> None:
    class Mine(Articles):
        @access("public")
        async def delete(self, slug: str) -> None:
            self.ran.append("mine")

    client = client_of(application_of(Mine))
    assert (await client.http("article_delete", params={"slug": "x"})).status_code == 204
    assert (await client.http("article_list")).status_code == 401


async def test_rule_guards_procedure_of_other_bundle(client_of: ClientOf) -> None:
    class Prices:
        @access(roles="editor")
        @procedure("price", "LINES")
        async def price(self) -> int:
            return 3

    class Lines(Bundle):
        name = "lines"
        transports = (Transport("LINES"),)
        controllers = (Prices,)

    application = application_of()
    application.bundles = (*application.bundles, Lines)
    client = client_of(application)

    assert (await client.call("LINES", "price")).status_code == 401
    assert (await client.call("LINES", "price", headers=bearer("ada"))).status_code == 403
    assert (await client.call("LINES", "price", headers=bearer("eve"))).content == 3
