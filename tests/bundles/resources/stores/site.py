"""An application whose users, sessions and refresh tokens are in the database."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import JSON, Select, String
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bundles.resources import Database, ResourcesBundle, ResourcesSettings
from bundles.resources.users import DatabaseUsers
from bundles.security import (
    CurrentUser,
    PasswordSettings,
    SecurityBundle,
    SecuritySettings,
    TokenSettings,
    access,
)
from bundles.sessions import CurrentSession, SessionsBundle, SessionsSettings
from rxkernel import Application, KernelClient, Settings, both

SECRET = "s3cret-of-the-tests-with-32-bytes!"
PASSWORD = "correct horse"
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


class Base(DeclarativeBase):
    pass


class Account(Base):
    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(100), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str | None] = mapped_column(String(200), default=HASH)
    api_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    is_active: Mapped[bool] = mapped_column(default=True)
    roles: Mapped[list[str]] = mapped_column(JSON, default=list)


class Accounts(DatabaseUsers[Account]):
    identity_field = "email"
    api_key_field = "api_key"

    def select(self) -> Select[Account]:
        return super().select().where(Account.is_active)


@access("public")
class Site:
    @both("GET", "/who", "who")
    async def who(self, viewer: CurrentUser[Account] | None) -> str | None:
        return None if viewer is None else viewer.email

    @both("GET", "/admin", "admin")
    @access(roles="admin")
    async def admin(self, viewer: CurrentUser[Account]) -> str:
        return viewer.name

    @both("POST", "/put", "put")
    async def put(self, value: str, session: CurrentSession) -> None:
        session["value"] = value

    @both("GET", "/get", "get")
    async def get(self, session: CurrentSession) -> str | None:
        found: str | None = session.get("value")
        return found

    @both("POST", "/join", "join")
    async def join(self, email: str, db: AsyncSession, session: CurrentSession) -> None:
        """Writes a row, and begins a session while the transaction is open."""
        db.add(Account(email=email, name=email))
        await db.flush()
        await session.rotate(user=email)


def site(
    url: str,
    *controllers: Any,
    store: str = "database",
    resources: Mapping[str, Any] = MappingProxyType({}),
    **parts: Any,
) -> Application:
    """The application with the database *url*; *store* is that of sessions and tokens, *resources*
    are further settings."""
    settings = Settings(
        bundles={
            "resources": ResourcesSettings(url=url, **resources),
            "sessions": SessionsSettings(store=store),  # type: ignore[arg-type]
            "security": SecuritySettings(
                passwords=PasswordSettings(memory=8, iterations=1),
                tokens=TokenSettings(secret=SECRET, store=store),  # type: ignore[arg-type]
                api_key_header="X-API-Key",
            ),
        }
    )
    return Application(
        bundles=[
            ResourcesBundle(Base),
            SessionsBundle,
            SecurityBundle(parts.pop("users", Accounts)),
        ],
        controllers=[Site, *controllers],
        settings=settings,
        **parts,
    )


async def with_accounts(client: KernelClient, *accounts: Account) -> KernelClient:
    """*client*, with new tables that contain *accounts*."""
    await client.http("who")  # boots with the settings of the client
    database = client.application.injector.get(Database)
    await database.create_tables()
    async with database.unit_of_work() as work:
        work.session.add_all(accounts)
    return client
