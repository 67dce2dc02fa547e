"""Binds the token store of the bundle security; imported only if that bundle is enabled."""

from collections.abc import Callable
from pathlib import Path

import attrs
from injector import Binder, Injector, singleton

from bundles.resources.stores.store_database import StoreDatabase
from bundles.resources.stores.token_store import DatabaseTokenStore
from bundles.security import SecuritySettings
from bundles.security.tokens.sqlite_store import SqliteTokenStore
from bundles.security.tokens.store import TokenStore


def bind_tokens(
    binder: Binder, setting: str, file_beside: Callable[[Injector, str], Path | None]
) -> bool:
    """Bind the store if ``security.tokens.store`` is *setting*; return whether it is."""
    injector = binder.injector
    if not binder.has_explicit_binding_for(SecuritySettings):
        return False  # imported by another application of this process
    settings = injector.get(SecuritySettings)
    if settings.tokens.store != setting:
        return False

    def store() -> TokenStore:
        file = file_beside(injector, "tokens")
        if file is None:
            return DatabaseTokenStore(injector.get(StoreDatabase))
        tokens = attrs.evolve(settings.tokens, store_file=file)
        return SqliteTokenStore(attrs.evolve(settings, tokens=tokens))

    binder.bind(TokenStore, to=store, scope=singleton)  # type: ignore[type-abstract]
    return True
