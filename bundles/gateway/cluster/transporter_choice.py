"""The transporter that the setting ``gateway.transporter`` names."""

from importlib import import_module

from injector import Binder, singleton

from bundles.gateway.settings import GatewaySettings
from bundles.message_bus import Transporter
from bundles.redis_backend import redis_backend
from rxkernel import ConfigurationError


def bind_transporter(binder: Binder) -> bool:
    """Bind `Transporter`. Return False without binding it if the setting is ``none``.

    Raises:
        ConfigurationError: an extra is not installed, or the bundle `redis` is not enabled.
    """
    found = _class_of(binder)
    if found is not None:
        binder.bind(Transporter, to=found, scope=singleton)  # type: ignore[type-abstract]
    return found is not None


def _class_of(binder: Binder) -> type[Transporter] | None:
    match binder.injector.get(GatewaySettings).transporter:
        case "nats":
            return _nats()
        case "redis":
            place = "bundles.redis.redis_transporter:RedisTransporter"
            found: type[Transporter] = redis_backend(
                binder, "gateway.transporter", '["redis", "gateway"]', place
            )
            return found
        case "none":
            return None


def _nats() -> type[Transporter]:
    """Import it here, so that other transporters do not need the extra."""
    try:
        module = import_module("bundles.gateway.cluster.nats_transporter")
    except ImportError as exc:
        raise ConfigurationError(
            f'gateway.transporter is "nats", and an import failed: {exc}; '
            f"in the clone of rxkernel: pip install '.[nats]'"
        ) from exc
    found: type[Transporter] = module.NatsTransporter
    return found
