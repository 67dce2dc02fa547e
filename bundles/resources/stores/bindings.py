"""Binds the stores of the bundles sessions and security, if their setting is ``database``.

On SQLite they are separate files next to that of the database, which has only one write lock: a
message may hold it while it logs a user in.
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import attrs
from injector import Binder, Injector, singleton
from sqlalchemy.engine import make_url

from bundles.resources.database.sqlite import file_of
from bundles.resources.settings import ResourcesSettings
from bundles.resources.stores.choice import SETTING
from bundles.resources.stores.session_store import DatabaseSessionStore
from bundles.resources.stores.store_database import StoreDatabase
from bundles.sessions import SessionsSettings, SessionStore
from bundles.sessions.sqlite_store import SqliteSessionStore


def bind_stores(binder: Binder) -> None:
    """Bind the stores of the bundles that are enabled."""
    found = [_bind_sessions(binder), _bind_tokens(binder)]
    if any(found):
        binder.bind(StoreDatabase, scope=singleton)


def _bind_sessions(binder: Binder) -> bool:
    injector = binder.injector
    if not binder.has_explicit_binding_for(SessionsSettings):
        return False  # the bundle is not enabled
    settings = injector.get(SessionsSettings)
    if settings.store != SETTING:
        return False

    def store() -> SessionStore:
        file = _file_beside(injector, "sessions")
        if file is None:
            return DatabaseSessionStore(injector.get(StoreDatabase), settings)
        return SqliteSessionStore(attrs.evolve(settings, file=file))

    binder.bind(SessionStore, to=store, scope=singleton)  # type: ignore[type-abstract]
    return True


def _bind_tokens(binder: Binder) -> bool:
    if "bundles.security" not in sys.modules:
        return False  # it needs an extra, and is imported where it is enabled
    bind: Any = import_module("bundles.resources.stores.token_binding").bind_tokens
    is_bound: bool = bind(binder, SETTING, _file_beside)
    return is_bound


def _file_beside(injector: Injector, name: str) -> Path | None:
    """Return the file for *name* next to that of the database; None for a server."""
    url = make_url(injector.get(ResourcesSettings).url)
    if url.get_backend_name() != "sqlite":
        return None
    file = file_of(url, "resources.url")
    return file.with_name(f"{file.stem}-{name}{file.suffix}")
