"""The field ``access`` of endpoints."""

from typing import Any

import attrs
import pytest

from bundles.autoload.security_defaults import NoUsers, settings_without_users
from bundles.security import (
    PasswordSettings,
    SecurityBundle,
    SecuritySettings,
    TokenSettings,
    UserProvider,
)
from bundles.sessions import SessionsBundle
from rxkernel import ConfigurationError, KernelClient
from tests.bundles.autoload.conftest import Folder


@attrs.frozen
class Account:
    username: str
    roles: tuple[str, ...] = ()


USERS = {
    "ann": Account("ann"),
    "bob": Account("bob", ("editors",)),
    "admin": Account("admin"),  # a login, not a group
    "root": Account("root", ("admin",)),
}


class Accounts(UserProvider[Account]):
    async def load(self, identifier: str) -> Account | None:
        return USERS.get(identifier)


FILES = {
    "api/rules/missing.py": "async def method(): return 1",
    "api/rules/public.py": "access = 'public'\nasync def method(): return 1",
    "api/rules/session.py": "access = 'session'\nasync def method(): return 1",
    "api/rules/logged.py": "access = 'logged'\nasync def method(): return 1",
    "api/rules/group.py": "access = 'admin'\nasync def method(): return 1",
    "api/rules/login.py": "access = 'login:ann'\nasync def method(): return 1",
    "api/rules/several.py": "access = ['editors', 'login:ann']\nasync def method(): return 1",
    "api/rules/groups.py": "access = {'editors', 'admin'}\nasync def method(): return 1",
    "api/rules/own.py": """
        from bundles.security import access

        access = access(lambda token, request: token.user.username == "bob")

        async def method(): return 1
        """,
    "api/rules/decorated.py": """
        from bundles.security import access as only

        @only(roles="admin")
        async def method(): return 1
        """,
    "api/rules/begin.py": """
        from bundles.autoload import Context

        access = "public"

        async def method(context: Context):
            context.session["seen"] = True
            return context.session.is_new
        """,
}

ALLOWED = {
    "missing": {"session"},
    "public": {"nobody", "session", *USERS},
    "session": {"session"},
    "logged": {*USERS},
    "group": {"root"},
    "login": {"ann"},
    "several": {"ann", "bob"},
    "groups": {"bob", "root"},
    "own": {"bob"},
    "decorated": {"root"},
}
"""The clients that may call an endpoint. A client with a session only is not a user."""


async def boot(folder: Folder, files: dict[str, str] = FILES) -> KernelClient:
    settings = SecuritySettings(
        passwords=PasswordSettings(memory=8, iterations=1),
        tokens=TokenSettings(secret="s3cret-of-the-tests-with-32-bytes!"),
    )
    bundles: list[Any] = [SessionsBundle, SecurityBundle(Accounts)]
    return KernelClient(await folder.boot(files, bundles=bundles, sections={"security": settings}))


@pytest.mark.parametrize("transport", ["http", "websocket"])
@pytest.mark.parametrize("name", ALLOWED)
async def test_access_allows_its_clients_only(folder: Folder, name: str, transport: str) -> None:
    anonymous = await boot(folder)
    with_session = KernelClient(folder.application)
    await with_session.http("rules/begin")
    clients = {"nobody": anonymous, "session": with_session}
    clients |= {user: anonymous.as_user(account) for user, account in USERS.items()}

    statuses = {
        user: (await getattr(client, transport)(f"rules/{name}")).status_code
        for user, client in clients.items()
    }

    users_of_session = set(USERS) if name in ("missing", "session") else set()
    allowed = ALLOWED[name] | users_of_session
    assert {user for user, status in statuses.items() if status == 200} == allowed
    assert {statuses[user] for user in ("nobody", "session") if user not in allowed} <= {401}
    assert {statuses[user] for user in USERS if user not in allowed} <= {403}


# T13
async def test_access_is_checked_before_the_arguments(folder: Folder) -> None:
    """No code of the endpoint runs."""
    client = await boot(
        folder,
        {"api/unit/call.py": "access = 'logged'\nasync def method(a: int): raise SystemExit"},
    )

    assert (await client.http("unit/call", body={"b": 1})).status_code == 401


async def test_without_security_only_public_endpoints_boot(folder: Folder) -> None:
    with pytest.raises(ConfigurationError) as caught:
        await folder.boot({key: FILES[key] for key in FILES if "own" not in key})

    problems = {
        problem.partition(".py:")[0].rpartition("/")[2]: problem
        for problem in caught.value.problems
    }
    assert problems.keys() == ALLOWED.keys() - {"public", "own"}
    assert "access is missing, so that a client needs a session" in problems["missing"]
    assert "access is 'admin', but the bundle security is not enabled" in problems["group"]
    assert all("or write access = 'public'" in problem for problem in problems.values())


async def test_session_without_the_bundle_sessions_is_an_error(folder: Folder) -> None:
    settings = SecuritySettings(tokens=TokenSettings(secret="s3cret-of-the-tests-with-32-bytes!"))

    with pytest.raises(ConfigurationError, match="the bundle 'sessions' is not enabled"):
        await folder.boot(
            {"api/unit/call.py": "async def method(): ..."},
            bundles=[SecurityBundle(Accounts)],
            sections={"security": settings},
        )


USER = f"from {__name__} import Account as User"
"""The class of the users of these tests."""


@pytest.mark.parametrize(
    "signature",
    [
        "user: User",
        "user: User | None = None",
        "user: Annotated[User, 'who'] | None = None",
        "who: Annotated[User, 'who']",
    ],
)
async def test_argument_that_is_a_user_is_an_error_at_boot_and_at_reload(
    folder: Folder, signature: str
) -> None:
    """A client could name any user."""
    begin = f"{USER}\nfrom typing import Annotated\naccess = 'public'\n"
    wrong = f"{begin}async def method({signature}): ..."
    problem = (
        r"api/unit/me.py:4: argument '(user|who)' has the class Account, so that a client could "
        r"send any user; write \w+: CurrentUser\[Account\]"
    )

    with pytest.raises(ConfigurationError, match=problem):
        await boot(folder, {"api/unit/me.py": wrong})
    await boot(folder, {"api/unit/me.py": "access = 'public'\nasync def method(): ..."})
    with pytest.raises(ConfigurationError, match=problem):
        await folder.change({"api/unit/me.py": wrong})


async def test_schema_that_is_the_class_of_users_is_an_error_as_a_parameter(
    folder: Folder,
) -> None:
    files = {
        "schemas/User.py": f"{USER}\nschema = User",
        "api/unit/me.py": "access = 'public'\nparameters = {'user': 'User'}\n"
        "async def method(user): ...",
    }

    with pytest.raises(ConfigurationError, match="'user' has the class Account, so"):
        await boot(folder, files)


async def test_argument_with_a_name_such_as_user_is_allowed(folder: Folder) -> None:
    text = f"""
        {USER}
        from bundles.security import CurrentUser

        access = "logged"

        async def method(me: CurrentUser[User], user: str, state: str): return me.username
        """
    client = await boot(folder, {"api/unit/me.py": text})

    response = await client.as_user(USERS["ann"]).http(
        "unit/me", body={"user": "bob", "state": ""}
    )
    assert response.content == "ann"


@pytest.mark.parametrize(
    ("access", "meant"),
    [
        ("'pubic'", "public"),
        ("'Public'", "public"),
        ("'Logged'", "logged"),
        ("'logegd'", "logged"),
        ("'logined'", "logged"),
        ("['editors', 'sesssion']", "session"),
        ("'Login:ada'", "login:ada"),
    ],
)
async def test_group_that_is_almost_a_level_is_an_error(
    folder: Folder, access: str, meant: str
) -> None:
    """It would refuse all clients."""
    text = f"access = {access}\nasync def method(): ..."

    with pytest.raises(ConfigurationError, match=rf"call.py:1: access .*did you mean '{meant}'"):
        await boot(folder, {"api/unit/call.py": text})


@pytest.mark.parametrize("access", ["'editors'", "'publisher'", "['login:publik', 'log']"])
async def test_group_with_another_name_is_allowed(folder: Folder, access: str) -> None:
    await boot(folder, {"api/unit/call.py": f"access = {access}\nasync def method(): ..."})


async def test_endpoint_for_users_without_users_logs_a_warning(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    await folder.boot(
        {**FILES, "api/rules/own.py": "access = 'session'\nasync def method(): return 1"},
        bundles=[SessionsBundle, SecurityBundle(NoUsers)],
        sections={"security": settings_without_users()},
    )
    [warning] = [text for text in caplog.messages if "refused for all clients" in text]
    names = ["decorated", "group", "groups", "logged", "login", "several"]
    assert {name for name in ALLOWED if f"/{name}.py" in warning} == set(names)
    caplog.clear()

    await folder.change({"api/rules/own.py": "access = 'editors'\nasync def method(): return 1"})
    [warning] = [text for text in caplog.messages if "refused for all clients" in text]
    assert "own.py:2: refused for all clients, since access needs a user, but the" in warning
    assert "logged.py" not in warning


@pytest.mark.parametrize(
    ("rule", "hint"),
    [("'logged'", "did you mean 'authenticated'"), ("'editors'", "for a role write roles='edi")],
)
async def test_decorator_with_a_value_of_the_field_access_is_an_error_with_the_fix(
    folder: Folder, rule: str, hint: str
) -> None:
    text = f"""
        from bundles.security import access as only

        access = "public"

        @only({rule})
        async def secret(): ...
        """

    with pytest.raises(ConfigurationError) as caught:
        await boot(folder, {"api/counter.2.py": text})
    [problem] = caught.value.problems
    place = f"(application.api.counter.2.secret in {folder.root}/api/counter.2.py:6)"
    assert problem.startswith(
        f"route 'counter.2/secret' and 1 other route {place}: its rule is {rule}"
    )
    assert hint in problem
