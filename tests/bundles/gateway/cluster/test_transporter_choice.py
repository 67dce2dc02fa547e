"""The settings of transporters, and which one is bound."""

import sys
from pathlib import Path

import pytest
from injector import Binder

from bundles.gateway import GatewayBundle, GatewaySettings
from bundles.gateway.cluster.nats_transporter import NatsTransporter
from bundles.gateway.cluster.nats_url import parse_nats_urls
from bundles.gateway.cluster.transporter_choice import bind_transporter
from bundles.message_bus import Transporter
from bundles.redis import RedisBundle, RedisSettings
from bundles.redis.redis_transporter import RedisTransporter
from rxkernel import Application, Bundle, ConfigurationError, Settings
from rxkernel.application.settings_sources import load_settings


class Cluster(Bundle):
    """Binds the transporter, as the bundle of an application does."""

    name = "cluster"
    is_bound = False

    def configure(self, binder: Binder) -> None:
        self.is_bound = bind_transporter(binder)


async def transporter_with(
    settings: GatewaySettings, *bundles: Bundle, redis: RedisSettings | None = None
) -> Transporter | None:
    cluster = Cluster()
    sections = {"gateway": settings} | ({} if redis is None else {"redis": redis})
    application = Application(
        bundles=[GatewayBundle(), *bundles, cluster], settings=Settings(bundles=sections)
    )
    await application.boot()
    try:
        injector = application.injector
        return injector.get(Transporter) if cluster.is_bound else None  # type: ignore[type-abstract]
    finally:
        await application.stop()


async def test_transporter_without_a_setting_is_not_bound() -> None:
    assert await transporter_with(GatewaySettings()) is None


async def test_transporter_nats_has_the_urls_of_the_setting() -> None:
    url = "nats://user:pass@one:5222, tls://token@two"
    found = await transporter_with(GatewaySettings(transporter="nats", nats_url=url))

    assert isinstance(found, NatsTransporter)
    assert found.place == "nats://one:5222, tls://two:4222"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("rediss://user:pass@host/3?ssl_cert_reqs=none", "rediss://host:6379/3"),
        ("unix://user:pass@/run/redis.sock?db=1", "unix:///run/redis.sock"),
    ],
    ids=["plain", "tls", "unix"],
)
async def test_transporter_redis_uses_the_bundle_redis(url: str, place: str) -> None:
    settings = GatewaySettings(transporter="redis")
    found = await transporter_with(settings, RedisBundle(), redis=RedisSettings(url=url))

    assert isinstance(found, RedisTransporter)
    assert found.place == place


async def test_transporter_redis_without_the_bundle_is_an_error_at_boot() -> None:
    match = r"gateway\.transporter is \"redis\", and the bundle 'redis' is not enabled; write"
    with pytest.raises(ConfigurationError, match=match):
        await transporter_with(GatewaySettings(transporter="redis"))


@pytest.mark.parametrize(("transporter", "module"), [("nats", "nats"), ("redis", "bundles.redis")])
async def test_transporter_without_its_extra_is_an_error_at_boot(
    transporter: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*sys.modules]:
        if name.startswith(("bundles.gateway.cluster.nats_", f"{module}.")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)

    match = rf"gateway\.transporter is \"{transporter}\".* pip install '\.\[{transporter}\]'"
    with pytest.raises(ConfigurationError, match=match):
        await transporter_with(GatewaySettings(transporter=transporter))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host",
        "host:4222",
        "http://s3cr3t@host",
        "ws://s3cr3t@host",
        "nats://",
        "nats://:4222",
        "nats://user:s3cr3t@host:port",
        "nats://user:s3cr3t@host:70000",
        "nats://user:s3cr3t@host/path",
        "nats://user:s3cr3t@host?tls=1",
        "nats://user:s3cr3t@host#x",
        "nats://user:s3 cr3t@host",
        "nats://user:s3cr3t@ho\nst",
        "nats://user:s3cr3t@[::1",
        "nats://one,,nats://two",
        "nats://one,http://user:s3cr3t@two",
    ],
    ids=repr,
)
def test_nats_url_invalid_is_a_configuration_error(url: str, tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"nats_url .* must be nats://host:port or tls://"
    ) as raised:
        load_settings(
            directory=tmp_path,
            environment={"RXKERNEL_GATEWAY_NATS_URL": url},
            sections={"gateway": GatewaySettings},
        )
    assert "s3cr3t" not in str(raised.value)
    assert "s3 cr3t" not in str(raised.value)


def test_nats_url_is_not_shown() -> None:
    settings = GatewaySettings(nats_url="nats://user:hunter2@host")

    assert "hunter2" not in repr(settings)
    assert "hunter2" not in repr(parse_nats_urls(settings.nats_url))


def test_nats_urls_are_parsed_into_their_parts() -> None:
    plain, both, token, address = parse_nats_urls(
        "nats://one,tls://us%3Aer:p%40ss@two:1,nats://t0ken@three/, nats://[::1]:5"
    )

    assert (plain.place, plain.user, plain.password) == ("nats://one:4222", None, None)
    assert (both.place, both.user, both.password) == ("tls://two:1", "us:er", "p@ss")
    assert (token.place, token.user, token.password) == ("nats://three:4222", "t0ken", None)
    assert (address.place, address.host) == ("nats://[::1]:5", "::1")
    assert [url.is_encrypted for url in (plain, both)] == [False, True]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("transporter", "kafka"),
        ("nats_connect_timeout", 0),
        ("nats_connect_timeout", float("inf")),
        ("nats_connect_timeout", True),
    ],
)
def test_setting_invalid_raises(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=setting):
        GatewaySettings(**{setting: value})  # type: ignore[arg-type]
