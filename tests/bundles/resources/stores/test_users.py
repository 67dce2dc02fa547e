"""Users of the bundle security in a table."""

import asyncio
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import pytest
from argon2 import PasswordHasher
from injector import inject
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bundles.resources import Database
from bundles.resources.users import DatabaseUsers
from bundles.security import CurrentUser, access
from bundles.security.pytest_plugin import CheckAccess
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    ConfigurationError,
    Inject,
    http,
    observe,
)
from rxkernel.pytest_plugin import ClientOf
from tests.bundles.resources.servers import TestDatabase
from tests.bundles.resources.stores.site import (
    HASH,
    PASSWORD,
    Account,
    Accounts,
    site,
    with_accounts,
)

ADA = "ada@example.org"


async def test_users_log_in_with_password_and_api_key(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    key = "k" * 40
    client = await with_accounts(
        client_of(site(any_database.url)),
        Account(email=ADA, name="Ada", roles=["admin"], api_key=sha256(key.encode()).hexdigest()),
        Account(email="bob@example.org", name="Bob"),
        Account(email="eve@example.org", name="Eve", is_active=False),
    )

    async def log_in(email: str, password: str = PASSWORD) -> Any:
        body = {"username": email, "password": password}
        return await client.http("security_login", body=body)

    bearer = {"Authorization": f"Bearer {(await log_in(ADA)).content['token']}"}
    assert (await client.http("admin", headers=bearer)).content == "Ada"
    assert (await client.http("admin", headers={"X-API-Key": key})).content == "Ada"
    assert (await client.http("who", headers={"X-API-Key": "x" * 40})).content is None
    of_bob = {"Authorization": f"Bearer {(await log_in('bob@example.org')).content['token']}"}
    assert (await client.http("admin", headers=of_bob)).status_code == 403
    for email in ("eve@example.org", "none@example.org", "a\0b", ADA.upper()):
        assert (await log_in(email)).status_code == 401, email
    assert (await log_in(ADA, "wrong")).status_code == 401


class NewAccounts:
    """Adds the users of the access matrix to a new database."""

    @inject
    def __init__(self, database: Database) -> None:
        self._database = database

    @observe(ApplicationEvents.BOOTSTRAP)
    async def add(self, event: BootstrapEvent) -> None:
        async with self._database.unit_of_work() as work:
            work.session.add(Account(email=ADA, name="Ada", roles=["admin"]))


async def test_access_matrix_uses_a_database_in_memory(
    access_matrix: CheckAccess, tmp_path: Path
) -> None:
    file = tmp_path / "app.sqlite3"
    application = site(f"sqlite+aiosqlite:///{file}", listeners=[NewAccounts])

    rows = await access_matrix(application, [ADA], database="memory")

    assert ("admin", "ran") in {(row.route, row.verdict) for row in rows if ADA in row.client}
    assert not file.exists()


async def test_user_of_a_socket_outlives_its_messages(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = await with_accounts(
        client_of(site(sqlite_database.url)), Account(email=ADA, name="Ada", roles=["admin"])
    )
    ada = await client.application.injector.get(Accounts).load(ADA)

    async with client.as_user(ada).connection() as connection:
        for _ in range(2):
            response = await client.websocket("admin", connection=connection)
            assert response.content == "Ada"


async def test_hash_of_an_older_kind_is_replaced_once(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    old = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    client = await with_accounts(
        client_of(site(any_database.url)), Account(email=ADA, name="Ada", password_hash=old)
    )
    users = client.application.injector.get(Accounts)

    body = {"username": ADA, "password": PASSWORD}
    assert (await client.http("security_login", body=body)).status_code == 200
    user = await users.load(ADA)
    assert user is not None
    assert user.password_hash not in (None, old)

    await users.save_password_hash(user, HASH, old)  # another process has replaced it meanwhile
    assert (await users.load(ADA)).password_hash == user.password_hash  # type: ignore[union-attr]
    await users.save_password_hash(user, HASH, user.password_hash)
    assert (await users.load(ADA)).password_hash == HASH == user.password_hash  # type: ignore[union-attr]
    assert client.application.injector.get(Database).engine.pool.checkedout() == 0  # type: ignore[attr-defined]


class ByEmail(Accounts):
    identity_field = "id"
    login_field = "email"


async def test_tokens_have_another_field_than_the_login(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    client = await with_accounts(
        client_of(site(sqlite_database.url, users=ByEmail)), Account(email=ADA, name="Ada")
    )

    async def log_in(login: str) -> Any:
        body = {"username": login, "password": PASSWORD}
        return await client.http("security_login", body=body)

    token = (await log_in(ADA)).content["token"]
    assert (await log_in("1")).status_code == 401
    async with client.application.injector.get(Database).unit_of_work() as work:
        (await work.session.get_one(Account, 1)).email = "lovelace@example.org"
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await client.http("who", headers=bearer)).content == "lovelace@example.org"


@access("public")
class LogsInLater:
    """Loads a user while the session of the message holds a connection."""

    def __init__(self) -> None:
        self.all_read = asyncio.Barrier(2)

    @http("POST", "/load", "load")
    async def load(self, session: AsyncSession, users: Annotated[Accounts, Inject()]) -> Any:
        await session.scalars(select(Account))
        await self.all_read.wait()
        user = await users.load(ADA)
        assert user is not None
        return user.email

    @http("POST", "/replace", "replace")
    async def replace(self, session: AsyncSession, users: Annotated[Accounts, Inject()]) -> None:
        await session.scalars(select(Account))
        user = await users.load(ADA)
        assert user is not None
        await users.save_password_hash(user, "new", HASH)


async def test_users_are_loaded_while_messages_hold_all_connections(
    client_of: ClientOf, postgresql_database: TestDatabase
) -> None:
    client = await with_accounts(
        client_of(
            site(
                postgresql_database.url,
                LogsInLater(),
                resources={"pool_size": 2, "pool_timeout": 1.0},
            )
        ),
        Account(email=ADA, name="Ada"),
    )

    responses = await asyncio.gather(client.http("load"), client.http("load"))
    assert [response.content for response in responses] == [ADA, ADA]


async def test_hash_is_replaced_by_message_that_holds_lock(
    client_of: ClientOf, any_database: TestDatabase
) -> None:
    client = await with_accounts(
        client_of(site(any_database.url, LogsInLater(), resources={"busy_timeout": 0.3})),
        Account(email=ADA, name="Ada"),
    )

    assert (await client.http("replace")).status_code == 200
    user = await client.application.injector.get(Accounts).load(ADA)
    assert user is not None
    assert user.password_hash == "new"


class NoField(DatabaseUsers[Account]):
    pass


class Ambiguous(DatabaseUsers[Account]):
    identity_field = "name"


class Misspelt(DatabaseUsers[Account]):
    identity_field = "emial"


class NoLogin(DatabaseUsers[Account]):
    identity_field = "email"
    login_field = "name"


class NoEntity(DatabaseUsers):  # type: ignore[type-arg]
    identity_field = "email"


@pytest.mark.parametrize(
    ("users", "problem"),
    [
        (NoField, "NoField has no identity_field"),
        (
            Ambiguous,
            r"Ambiguous\.identity_field: Account\.name, by which it finds a user, is not unique",
        ),
        (Misspelt, "Account has no column 'emial'; did you mean 'email'"),
        (NoLogin, r"NoLogin\.login_field: Account\.name, by which it finds a user, is not unique"),
        (NoEntity, "NoEntity does not name its entity"),
    ],
)
async def test_user_store_without_a_unique_field_is_an_error_at_boot(
    client_of: ClientOf, sqlite_database: TestDatabase, users: type[Any], problem: str
) -> None:
    client = client_of(site(sqlite_database.url, users=users))

    with pytest.raises(ConfigurationError, match=problem):
        await client.application.boot()


class Robot:
    """No user."""


async def test_current_user_of_another_class_is_an_error_at_boot(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    class Wrong:
        @http("GET", "/wrong", "wrong")
        @access("authenticated")
        async def wrong(self, user: CurrentUser[Robot]) -> None: ...

    client = client_of(site(sqlite_database.url, Wrong))

    with pytest.raises(ConfigurationError, match=r"its type is Robot, .* CurrentUser\[Account\]"):
        await client.application.boot()


async def test_user_read_from_message_is_an_error_that_names_current_user(
    client_of: ClientOf, sqlite_database: TestDatabase
) -> None:
    class Wrong:
        @http("GET", "/wrong", "wrong")
        @access("authenticated")
        async def wrong(self, user: Account) -> None: ...

    client = client_of(site(sqlite_database.url, Wrong))

    with pytest.raises(ConfigurationError) as raised:
        await client.application.boot()
    (problem,) = raised.value.problems
    assert problem.endswith(
        "would read the parameter 'user' of the class Account from the message; write "
        "CurrentUser[Account] for the user who has sent it"
    )
