"""The stores, opened for a test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bundles.redis import Redis, RedisSettings
from bundles.redis.outage import Outage
from bundles.resources import ResourcesSettings
from bundles.resources.stores.session_store import DatabaseSessionStore
from bundles.resources.stores.store_database import StoreDatabase
from bundles.sessions import SessionsSettings, SessionStore, StoredSession
from bundles.sessions.memory_store import MemorySessionStore
from bundles.sessions.redis_store import RedisSessionStore
from bundles.sessions.sqlite_store import SqliteSessionStore

STORES = ("memory", "sqlite", "redis")
DATABASES = ("postgresql", "mariadb")
"""The servers of the store ``database``; on SQLite it is the store ``sqlite``."""

NOW = 1_800_000_000.0


@asynccontextmanager
async def open_store(settings: SessionsSettings, url: str) -> AsyncIterator[SessionStore]:
    match settings.store:
        case "memory":
            yield MemorySessionStore(settings)
        case "sqlite":
            async with SqliteSessionStore(settings) as store:
                yield store
        case "redis":
            async with Redis.from_url(url) as client:
                redis = RedisSettings(url=url)
                yield RedisSessionStore(client, settings, Outage(client, redis), redis)
        case "database":
            async with StoreDatabase(ResourcesSettings(url=url)) as database:
                await database.create_tables()
                yield DatabaseSessionStore(database, settings)


def settings_of(store: str, folder: Path, **limits: float) -> SessionsSettings:
    file = folder / "sub" / "sessions.sqlite3"
    store = "database" if store in DATABASES else store
    return SessionsSettings(store=store, file=file, **limits)  # type: ignore[arg-type]


def session(
    key: str,
    *,
    user: str | None = None,
    address: str = "",
    created: float = NOW,
    **values: bytes,
) -> StoredSession:
    return StoredSession(key, f"id-{key}", values, user, address, created, created)
