"""The class in Redis that a setting of another bundle chooses."""

import re
from typing import Any

import pytest
from injector import Binder, Injector

from bundles.redis import RedisBundle
from bundles.redis_backend import redis_backend
from bundles.sessions.redis_store import RedisSessionStore
from rxkernel import ConfigurationError

PLACE = "bundles.sessions.redis_store:RedisSessionStore"


def chosen(binder: Binder, place: str = PLACE) -> Any:
    return redis_backend(binder, "sessions.store", '["redis", "sessions"]', place)


def test_redis_backend_with_the_bundle_redis_is_imported() -> None:
    assert chosen(Injector(RedisBundle().configure).binder) is RedisSessionStore


def test_redis_backend_without_the_bundle_redis_is_error() -> None:
    text = (
        "sessions.store is \"redis\", and the bundle 'redis' is not enabled; write "
        'Application(bundles=["redis", "sessions"])'
    )
    with pytest.raises(ConfigurationError, match=re.escape(text)):
        chosen(Injector().binder)


def test_redis_backend_whose_module_cannot_be_imported_is_error() -> None:
    """As without the extra."""
    text = 'sessions.store is "redis", and an import failed: No module named'
    with pytest.raises(ConfigurationError, match=re.escape(text)):
        chosen(Injector(RedisBundle().configure).binder, "bundles.missing:Store")
