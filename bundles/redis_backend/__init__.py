"""Imports a class that keeps its data in Redis, if a setting of another bundle is "redis"."""

from importlib import import_module
from typing import Any

from injector import Binder

from rxkernel import ConfigurationError


def redis_backend(binder: Binder, setting: str, bundles: str, place: str) -> Any:
    """Return the class at *place*, ``module:Class``, which takes the client of the bundle `redis`.

    It is a store, a cacher, a transporter or a log of events. Its module is imported only here,
    because it needs the extra.

    Args:
        setting: the name of the setting, for errors.
        bundles: the text for the option ``bundles`` of the application, for errors.

    Raises:
        ConfigurationError: the extra is not installed, or the bundle `redis` is not enabled.
    """
    module, _, name = place.partition(":")
    try:
        client = import_module("bundles.redis").Redis
        found = getattr(import_module(module), name)
    except ImportError as exc:
        raise ConfigurationError(
            f'{setting} is "redis", and an import failed: {exc}; '
            f"in the clone of rxkernel: pip install '.[redis]'"
        ) from exc
    if not binder.has_explicit_binding_for(client):
        raise ConfigurationError(
            f"{setting} is \"redis\", and the bundle 'redis' is not enabled; write "
            f"Application(bundles={bundles})"
        )
    return found
