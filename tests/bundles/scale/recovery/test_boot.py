"""Settings of recovery that do not fit together."""

import pytest

from bundles.redis import RedisBundle
from bundles.scale import RecoverySettings, ScaleBundle, ScaleSettings
from rxkernel import Application, ConfigurationError, HttpSettings, Settings

SECRET = "a secret that is long enough for it"


def application_with(*bundles: type, reuse_port: bool = False, **scale: object) -> Application:
    settings = Settings(
        http=HttpSettings(reuse_port=reuse_port),
        bundles={"scale": ScaleSettings(**scale)},  # type: ignore[arg-type]
    )
    return Application(bundles=[*bundles, ScaleBundle], settings=settings)


async def test_recovery_in_memory_with_workers_fails_at_boot() -> None:
    with pytest.raises(ConfigurationError, match=r'set scale\.recovery\.store to "redis"'):
        await application_with(reuse_port=True, recovery=RecoverySettings(store="memory")).boot()


async def test_recovery_in_redis_without_a_bus_fails_at_boot() -> None:
    with pytest.raises(ConfigurationError, match=r'set scale\.bus to "redis"'):
        await application_with(RedisBundle, recovery=RecoverySettings(store="redis")).boot()


async def test_recovery_in_redis_without_its_bundle_fails_at_boot() -> None:
    with pytest.raises(
        ConfigurationError, match=r"scale\.recovery\.store is .redis., and the bundle"
    ):
        await application_with(recovery=RecoverySettings(store="redis"), secret=SECRET).boot()
