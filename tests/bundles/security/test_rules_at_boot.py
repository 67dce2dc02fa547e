"""Wrong rules: each is an error at boot, with its place and the fix."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import attrs
import pytest
from injector import Binder, singleton

from bundles.security import (
    CurrentUser,
    Policy,
    RouteSettings,
    SecurityBundle,
    SecuritySettings,
    Token,
    UserProvider,
    access,
)
from bundles.sessions import SessionsBundle
from rxkernel import (
    Application,
    Body,
    ConfigurationError,
    KernelClient,
    KernelEvents,
    Request,
    RequestEvent,
    Settings,
    SocketioSettings,
    StaticFiles,
    both,
    http,
    observe,
    option,
    options_of,
    websocket,
)
from tests.bundles.security.shop import TOKENS, Account, Accounts, Articles, application_of


async def problems_of(application: Application) -> str:
    with pytest.raises(ConfigurationError) as error:
        await application.boot()
    return "\n".join(error.value.problems)


class NeedsUnbound(Policy):
    def __init__(self, missing: "Unbound") -> None: ...

    async def allows(self, token: Token[Any], request: Request) -> bool:
        return True


class Unbound: ...


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (access("autenticated"), "its rule is 'autenticated'; it must be one of 'public'"),  # type: ignore[arg-type]
        (access("autenticated"), "'fully_authenticated'; did you mean 'authenticated'?"),  # type: ignore[arg-type]
        (access(roles="boss"), "unknown role 'boss'; it must be one of security.roles: admin"),
        (access("public", roles="admin"), "public and has roles or a policy"),
        (access(roles=[""]), "has the role ''; a role must be a non-empty str"),
        (access(lambda token: True), "must take two parameters: token, request"),  # type: ignore[arg-type, misc]
        (access(NeedsUnbound), "the policy NeedsUnbound cannot be built"),
        (option("access", "admin"), "its rule is 'admin'"),
    ],
)
async def test_wrong_rule_is_error_with_its_route(rule: Any, problem: str) -> None:
    class Wrong:
        @rule  # type: ignore[untyped-decorator]
        @both("GET", "/wrong", "wrong")
        async def wrong(self) -> None: ...

    found = await problems_of(application_of(Wrong))

    assert "route 'wrong'" in found
    assert problem in found


async def test_access_set_as_option_is_error_and_names_the_decorator() -> None:
    """The option would replace the rule of @access, without an error for two rules."""
    with pytest.raises(ConfigurationError, match=r"write @access\(…\)"):
        option("access", access("public"))

    class Plain:
        @option("access", "public")
        @http("GET", "/plain", "plain")
        async def plain(self) -> None: ...

    assert "its rule is 'public'; write access('public')" in await problems_of(
        application_of(Plain)
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("api_key_header", header) for header in ("X Api", "Cookie", "session")),
        *(("api_key_header", header) for header in ("X-Key\n", "Schlüssel")),
        *(("token_scheme", scheme) for scheme in ("bearer", "Basic", "To ken")),
        *(("query_parameter", parameter) for parameter in ("sid", "t", "EIO", "transport")),
    ],
)
def test_credential_setting_with_unusable_name_is_error(name: str, value: str) -> None:
    """No client can send such a header, or another credential is read from it."""
    with pytest.raises(ValueError, match=f"{name} must be empty, or the name"):
        SecuritySettings(**{name: value})  # type: ignore[arg-type] # texts


async def test_api_key_header_without_method_of_provider_is_error() -> None:
    class NoKeys(UserProvider[Account]):
        async def load(self, identifier: str) -> Account | None:
            return None

    settings = SecuritySettings(api_key_header="X-API-Key")
    for provider in (NoKeys, NoKeys()):
        found = await problems_of(
            application_of(Articles, bundle=SecurityBundle(provider), settings=settings)
        )
        assert "security.api_key_header is 'X-API-Key'" in found
        assert "NoKeys does not override load_by_api_key" in found


async def test_access_without_route_is_error() -> None:
    class Forgotten:
        @access("public")
        @http("GET", "/served", "served")
        async def served(self) -> None: ...

        @access("authenticated")
        async def helper(self) -> None: ...

    class Listener:
        @access("authenticated")
        @observe(KernelEvents.KERNEL_REQUEST)
        async def listen(self, event: RequestEvent) -> None: ...

    @access("authenticated")
    class Labelled:
        @observe(KernelEvents.KERNEL_REQUEST)
        async def listen(self, event: RequestEvent) -> None: ...

    @access("authenticated")
    @observe(KernelEvents.KERNEL_REQUEST)
    async def function(event: RequestEvent) -> None: ...

    application = application_of(Forgotten)
    application.listeners = (Listener, Labelled, Labelled(), function)
    found = await problems_of(application)

    for name in ("Forgotten.helper", "Listener.listen", "Labelled", "function"):
        assert f"{name} has no effect" in found
    assert found.count("'access'") == 4
    assert "served" not in found


async def test_route_without_rule_and_default_is_error() -> None:
    class Open:
        @both("GET", "/open", "open")
        async def open(self) -> None: ...

        @http("GET", "/mine", "mine")
        async def mine(self, user: CurrentUser[Account]) -> None: ...

    found = await problems_of(application_of(Open))

    assert "route 'open' (" in found
    assert "has no access rule; put @access(…) on the method or its class" in found
    assert "mine" not in found
    allowed = application_of(Open, bundle=SecurityBundle(Accounts, access="public"))
    async with allowed:
        pass


@pytest.mark.parametrize("is_declared", [False, True])
async def test_option_public_of_an_application_is_not_a_rule(is_declared: bool) -> None:
    """Routes of rxkernel such as /healthz have this option; see `application_of`."""

    class Open:
        @option("public", True)
        @both("GET", "/open", "open")
        async def open(self) -> None: ...

    def application(**bundle: Any) -> Application:
        made = application_of(Open, bundle=SecurityBundle(Accounts, **bundle))
        made.options = ("public",) if is_declared else ()
        return made

    found = await problems_of(application())
    if is_declared:
        assert "route 'open' (" in found
        assert "has no access rule" in found
    else:
        assert "option 'public' of route 'open'" in found
        assert "is not declared" in found
        return
    async with KernelClient(application(access="authenticated")) as client:
        assert (await client.http("open")).status_code == 401
        assert (await client.websocket("open")).status_code == 401
        assert (await client.http("healthz")).status_code == 200


@pytest.mark.parametrize("level", ["public", "session"])
async def test_rule_for_clients_without_user_with_required_user_is_error(level: Any) -> None:
    class Mine:
        @access(level)
        @http("GET", "/mine", "mine")
        async def mine(self, user: CurrentUser[Account]) -> None: ...

    found = await problems_of(application_of(Mine, bundles=[SessionsBundle]))
    assert re.search(r"route 'mine' .* takes a CurrentUser.*write CurrentUser\[…\] \| None", found)


async def test_route_made_in_code_has_its_rule_among_its_options(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("hello")
    found = await problems_of(application_of(Articles, StaticFiles(tmp_path, path="/files")))
    assert "options={'access': access(…)} on a route that is made in code" in found
    public = StaticFiles(tmp_path, path="/files", options={"access": access("public")})
    async with KernelClient(application_of(Articles, public)) as client:
        response = await client.http("static", params={"path": "index.html"})
        assert response.status_code == 200


async def test_rule_for_sessions_without_their_bundle_is_error() -> None:
    class Cart:
        @access("session")
        @http("GET", "/cart", "cart")
        async def cart(self) -> None: ...

    found = await problems_of(application_of(Cart))
    assert "its rule is 'session', but the bundle 'sessions' is not enabled" in found


async def test_current_user_of_other_class_than_provider_loads_is_error() -> None:
    class Other: ...

    class Mine:
        @http("GET", "/mine", "mine")
        async def mine(self, user: CurrentUser[Other]) -> None: ...

        @http("GET", "/any", "any")
        async def any(self, user: CurrentUser[object] | None) -> None: ...

    found = await problems_of(
        application_of(Mine, bundle=SecurityBundle(Accounts, access="public"))
    )
    assert "'user'" in found
    assert "write CurrentUser[Account]" in found
    assert "'any'" not in found


async def test_access_without_bundle_is_error() -> None:
    found = await problems_of(Application(controllers=[Articles]))
    assert "option 'access' of route" in found
    assert "enable it: Application(bundles=[SecurityBundle(…)])" in found
    assert "options=[" not in found


async def test_access_that_application_declares_without_bundle_is_error() -> None:
    found = await problems_of(Application(controllers=[Articles], options=["access"]))
    assert "enable it: Application(bundles=[SecurityBundle(…)])" in found


async def test_access_option_of_files_without_bundle_is_error(tmp_path: Path) -> None:
    files = StaticFiles(tmp_path, options={"access": access(roles="admin")})
    found = await problems_of(Application(controllers=[files], options=["access"]))
    assert "has no effect without the bundle security" in found


async def test_access_that_application_declares_too_boots_with_bundle() -> None:
    application = application_of(Articles)
    application.options = ("access",)
    async with application:
        pass


def test_access_without_arguments_is_error() -> None:
    with pytest.raises(ConfigurationError, match=r'Bare.show has no rule; write @access\("auth'):

        class Bare:
            @access  # type: ignore[arg-type]
            @both("GET", "/", "show")
            async def show(self) -> None: ...

    with pytest.raises(ConfigurationError, match=r"derive .*Whole from Policy if it is one"):

        @access  # type: ignore[arg-type]
        class Whole: ...


async def test_wrong_rules_of_bundle_are_errors() -> None:
    class Chat:
        @access("public")
        @websocket("say", namespace="/chat")
        async def say(self) -> None: ...

    bundle = SecurityBundle(
        Accounts,
        access="publik",  # type: ignore[arg-type]
        connect={"/chat": "nobody"},  # type: ignore[dict-item]
    )
    found = await problems_of(application_of(Chat, bundle=bundle))
    assert "SecurityBundle(access=…): its rule is 'publik'" in found
    assert "SecurityBundle(connect={'/chat': …}): its rule is 'nobody'" in found

    bundle = SecurityBundle(Accounts, connect={"/chta": "public"})
    found = await problems_of(application_of(Chat, bundle=bundle))
    assert "'/chta', which is not served; it must be one of '/', '/chat'" in found

    listed = application_of(Chat, bundle=bundle, socketio=SocketioSettings(namespaces=("/chta",)))
    async with listed:
        pass


@pytest.mark.parametrize(
    "roles", [{"admin": ("admin",)}, {"admin": ("editor",), "editor": ("admin",)}]
)
async def test_role_that_contains_itself_is_error(roles: dict[str, tuple[str, ...]]) -> None:
    class Open: ...

    found = await problems_of(application_of(settings=SecuritySettings(roles=roles)))
    assert "security.roles: a role contains itself: admin > " in found


async def test_rule_with_a_role_without_hierarchy_is_accepted() -> None:
    async with application_of(settings=SecuritySettings()):
        pass


class Numbered(UserProvider[Any]):
    async def load(self, identifier: str) -> Any:
        return None


class ByEmail(Numbered):
    identity_field = "email"


class User:
    id = 7
    email = "ada@example.org"
    roles: Iterable[str] | None = None


def test_identifier_of_user_is_attribute_that_provider_names() -> None:
    assert Numbered().identifier(User()) == "7"
    assert ByEmail().identifier(User()) == "ada@example.org"
    with pytest.raises(AttributeError, match="set identity_field of ByEmail"):
        ByEmail().identifier(Account("ada"))


def test_provider_reads_roles_and_hash_of_user() -> None:
    assert tuple(Numbered().roles(User())) == ()
    assert Numbered().password_hash(User()) is None


async def test_bundle_enabled_by_name_uses_provider_of_module() -> None:
    def configure(binder: Binder) -> None:
        binder.bind(UserProvider, to=Accounts, scope=singleton)  # type: ignore[type-abstract]

    settings = Settings(bundles={"security": SecuritySettings(tokens=TOKENS)})
    options: Any = {"controllers": [Articles], "settings": settings}
    async with Application(bundles=["security"], modules=[configure], **options):
        pass


@pytest.mark.parametrize("roles", [[], (), set()])
def test_rule_with_empty_roles_is_error(roles: Any) -> None:
    """An empty list would admit every user."""
    with pytest.raises(ConfigurationError, match="has no role"):
        access(roles=roles)


def test_two_rules_at_one_place_are_an_error() -> None:
    def action() -> None: ...

    class Base: ...

    for place in (action, Base):
        access("public")(place)
        with pytest.raises(ConfigurationError, match="has two @access rules"):
            access(roles="admin")(place)

    @access(roles="admin")
    class Derived(Base): ...

    assert options_of(Derived)["access"].roles == {"admin"}


@pytest.mark.parametrize("bundle", ["security", SecurityBundle, SecurityBundle()])
async def test_bundle_without_provider_is_one_error(bundle: Any) -> None:
    found = await problems_of(Application(bundles=[bundle], controllers=[Articles]))
    assert found == (
        "the bundle 'security' has no UserProvider; write SecurityBundle(Users), where Users is "
        "your subclass of UserProvider, or bind UserProvider in a module of the application"
    )


class Unmarked:
    @access("authenticated")
    @both("POST", "/profile", "profile")
    async def profile(self, user: Account) -> None: ...

    @access("public")
    @http("GET", "/about", "about")
    async def about(self, user: Account | None = None) -> None: ...

    @access("public")
    @http("POST", "/noted", "noted")
    async def noted(self, user: Annotated[Account, "the author"]) -> None: ...


class Marked:
    @access("authenticated")
    @both("POST", "/profile", "profile")
    async def profile(
        self, user: CurrentUser[Account], other: Annotated[Account, Body()]
    ) -> None: ...


async def test_user_parameter_read_from_the_message_is_error() -> None:
    """Otherwise the client would choose the user."""
    found = await problems_of(application_of(Unmarked))

    for route in ("profile", "about", "noted"):
        assert f"route {route!r} (tests.bundles.security.test_rules_at_boot.Unmarked" in found
    assert "write CurrentUser[Account] for the user who has sent it, or Annotated[Acc" in found
    await application_of(Marked).boot()


class Names(UserProvider[str]):
    async def load(self, identifier: str) -> str:
        return identifier

    def identifier(self, user: str) -> str:
        return user


class Named:
    @access("authenticated")
    @both("POST", "/names/{name}", "named")
    async def named(self, name: str, user: CurrentUser[str]) -> list[str]:
        return [name, user]


async def test_parameter_of_class_str_with_users_of_class_str_is_accepted() -> None:
    """Neither boot nor a reload, which includes the routes of the bundle, reports it."""
    application = Application(
        bundles=[SecurityBundle(Names), SessionsBundle],
        controllers=[Named],
        settings=Settings(bundles={"security": SecuritySettings(tokens=TOKENS)}),
    )
    await application.boot()

    class Later:
        @access("public")
        @http("GET", "/later", "later")
        async def later(self, name: str = "") -> None: ...

    event = await application.reload(controllers=[Later])

    assert [definition.name for definition in event.added] == ["later"]


async def test_rule_of_namespace_set_as_option_is_error() -> None:
    class Wrong:
        @access("public")
        @option("access.connect", "public")
        @both("GET", "/wrong", "wrong")
        async def wrong(self) -> None: ...

    found = await problems_of(application_of(Wrong))

    assert "has the option 'access.connect', which shows the rule of its namespace" in found


@attrs.frozen
class Plain:
    username: str


@attrs.frozen
class WithGroups(Plain):
    roles: tuple[str, ...] = ()


class Open:
    def __init__(self) -> None:
        self.roles = ("admin",)


class PlainUsers(UserProvider[Plain]):
    async def load(self, identifier: str) -> Plain | None:
        return None


class TextUsers(UserProvider[str]):
    async def load(self, identifier: str) -> str | None:
        return None


class OwnRoles(PlainUsers):
    def roles(self, user: Plain) -> tuple[str, ...]:
        return ("admin",)


class GroupUsers(UserProvider[WithGroups]):
    async def load(self, identifier: str) -> WithGroups | None:
        return None


class OpenUsers(UserProvider[Open]):
    async def load(self, identifier: str) -> Open | None:
        return None


class TwoRoutes:
    @http("GET", "/", "index")
    @access(roles="admin")
    async def index(self) -> None: ...

    @http("GET", "/b", "second")
    @access(roles="editor")
    async def second(self) -> None: ...


@pytest.mark.parametrize(
    ("users", "kind"),
    [(PlainUsers, "Plain"), (TextUsers, "str"), (OwnRoles, ""), (GroupUsers, ""), (OpenUsers, "")],
)
async def test_role_of_a_rule_with_users_without_roles_is_logged_once(
    users: type[UserProvider[Any]], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the line, all users get 403 without a reason."""
    application = Application(
        bundles=["sessions", SecurityBundle(users)],
        controllers=[TwoRoutes()],
        settings=Settings(bundles={"security": SecuritySettings(tokens=TOKENS)}),
    )
    async with application:
        pass

    lines = [line for line in caplog.messages if "needs a role" in line]
    assert len(lines) == (1 if kind else 0)
    if kind:
        assert "route 'index'" in lines[0]
        assert (
            f"needs a role (admin), but {users.__qualname__} loads users of the class {kind}, "
            f"which has no attribute roles; add it, or override roles() of {users.__qualname__}"
        ) in lines[0]


@attrs.frozen
class WithHash(Plain):
    password_hash: str | None = None


class HashUsers(UserProvider[WithHash]):
    async def load(self, identifier: str) -> WithHash | None:
        return None


class OwnHash(PlainUsers):
    def password_hash(self, user: Plain) -> str | None:
        return None


@pytest.mark.parametrize(
    ("users", "login", "kind"),
    [
        (PlainUsers, True, "Plain"),
        (TextUsers, True, "str"),
        (PlainUsers, False, ""),
        (HashUsers, True, ""),
        (OwnHash, True, ""),
        (OpenUsers, True, ""),
    ],
)
async def test_route_of_logins_for_users_without_passwords_is_logged(
    users: type[UserProvider[Any]], kind: str, caplog: pytest.LogCaptureFixture, *, login: bool
) -> None:
    """Without the line, each login is 401 without a reason."""
    settings = SecuritySettings(tokens=TOKENS, routes=RouteSettings(login=login))
    application = Application(
        bundles=["sessions", SecurityBundle(users)],
        settings=Settings(bundles={"security": settings}),
    )
    async with application:
        pass

    lines = [line for line in caplog.messages if "logins by POST" in line]
    name = users.__qualname__
    expected = (
        f"all logins by POST /security/login will fail: {name} loads users of the class {kind}, "
        f"which has no attribute password_hash; add it, override password_hash() of {name}, or "
        f"set security.routes.login = false"
    )
    assert lines == ([expected] if kind else [])
