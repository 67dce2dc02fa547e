"""The settings classes, created in Python."""

import math
from pathlib import Path
from typing import Any

import attrs
import pytest

from rxkernel.settings import (
    Allowed,
    HttpSettings,
    LoggingSettings,
    Settings,
    SocketioSettings,
    TlsSettings,
)


def test_every_setting_has_a_default() -> None:
    settings = Settings()

    assert settings.debug is False
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8000)
    assert (settings.socketio.path, settings.socketio.port) == ("/socket.io", None)
    assert settings.logging.level == "INFO"
    assert dict(settings.bundles) == {}


@pytest.mark.parametrize(
    ("cls", "values", "allowed"),
    [
        (HttpSettings, {"host": ""}, "host must be a host name"),
        (HttpSettings, {"port": -1}, "port must be a port, 0 to 65535"),
        (HttpSettings, {"port": 65536}, "port must be a port, 0 to 65535"),
        (HttpSettings, {"port": "80"}, "port must be a port, 0 to 65535"),
        (HttpSettings, {"port": True}, "port must be a port, 0 to 65535"),
        (HttpSettings, {"port": None}, "port must be a port, 0 to 65535"),
        (
            HttpSettings,
            {
                "port": 443,
                "tls": TlsSettings(certificate=Path("a"), key=Path("b"), redirect_port=443),
            },
            "tls.redirect_port must differ from port",
        ),
        (HttpSettings, {"prefix": "api"}, "prefix must be empty or a path"),
        (HttpSettings, {"prefix": "/"}, "prefix must be empty or a path"),
        (HttpSettings, {"prefix": "/api/"}, "prefix must be empty or a path"),
        (HttpSettings, {"prefix": "/api?x"}, "prefix must be empty or a path"),
        (HttpSettings, {"body_limit": 0}, "body_limit must be bytes, a whole number, 1 or more"),
        (HttpSettings, {"form_fields_limit": 1.5}, "form_fields_limit must be a whole number"),
        (Settings, {"threads": 0}, "threads must be a whole number, 1 or more"),
        (HttpSettings, {"keepalive_timeout": -0.1}, "keepalive_timeout must be seconds, 0 or"),
        (Settings, {"shutdown_timeout": math.inf}, "shutdown_timeout must be seconds"),
        (Settings, {"shutdown_timeout": math.nan}, "shutdown_timeout must be seconds"),
        (HttpSettings, {"origins": "https://a.example"}, "origins must be a list of origins"),
        (HttpSettings, {"origins": ("a.example",)}, "origins must be a list of origins"),
        (HttpSettings, {"origins": ("https://a.example/",)}, "origins must be a list of origins"),
        (Settings, {"request_id_header": "Content-Length"}, "that has no other meaning"),
        (Settings, {"request_id_header": "set-cookie"}, "that has no other meaning"),
        (Settings, {"request_id_header": "Vary"}, "that has no other meaning"),
        (HttpSettings, {"origins": (1,)}, "origins must be a list of origins"),
        (SocketioSettings, {"enabled": 1}, "enabled must be true or false"),
        (SocketioSettings, {"path": ""}, "path must be a path"),
        (SocketioSettings, {"path": "/socket.io/"}, "path must be a path"),
        (SocketioSettings, {"host": "::1"}, "host has no effect without port"),
        (SocketioSettings, {"port": 70000}, "port must be a port, 0 to 65535"),
        (SocketioSettings, {"ping_interval": 0}, "ping_interval must be seconds, more than 0"),
        (SocketioSettings, {"ping_timeout": "20"}, "ping_timeout must be seconds, more than 0"),
        (
            SocketioSettings,
            {"max_payload": 0},
            "max_payload must be bytes, a whole number, 1",
        ),
        (SocketioSettings, {"concurrency": 0}, "concurrency must be a whole number, 1 or more"),
        (LoggingSettings, {"level": "LOUD"}, "level must be one of .*WARNING"),
        (LoggingSettings, {"level": "info"}, "level must be one of .*INFO"),
        (Settings, {"debug": "yes"}, "debug must be true or false"),
        (Settings, {"http": {"port": 1}}, "http must be an HttpSettings"),
    ],
)
def test_setting_invalid_raises_with_allowed_values(
    cls: type[Any], values: dict[str, Any], allowed: str
) -> None:
    with pytest.raises(ValueError, match=allowed):
        cls(**values)


@pytest.mark.parametrize(
    ("cls", "values"),
    [
        (HttpSettings, {"port": 0}),
        (HttpSettings, {"port": 65535}),
        (HttpSettings, {"prefix": "/api/v1"}),
        (HttpSettings, {"keepalive_timeout": 60}),
        (HttpSettings, {"origins": ("*",)}),
        (HttpSettings, {"origins": ("https://a.example", "http://localhost:3000")}),
        (SocketioSettings, {"host": "::1", "port": 0}),
        (SocketioSettings, {"port": 8001}),
        (LoggingSettings, {"level": "DEBUG"}),
    ],
)
def test_setting_at_limit_is_accepted(cls: type[Any], values: dict[str, Any]) -> None:
    settings = cls(**values)

    assert {name: getattr(settings, name) for name in values} == values


def test_settings_are_frozen() -> None:
    settings = Settings(bundles={"security": object()})

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        settings.http.port = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.bundles["security"] = object()  # type: ignore[index]


def test_settings_bundles_are_copied() -> None:
    given: dict[str, object] = {"security": 1}
    settings = Settings(bundles=given)

    given.clear()

    assert dict(settings.bundles) == {"security": 1}


def test_setting_error_does_not_quote_value() -> None:
    @attrs.frozen
    class Keys:
        key: str = attrs.field(
            validator=Allowed("32 characters or more", (str,), lambda k: len(k) > 31)
        )

    with pytest.raises(ValueError, match=r"^key must be 32 characters or more$"):
        Keys("hunter2")
