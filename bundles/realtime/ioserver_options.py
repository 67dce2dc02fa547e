"""Reads the options of `IOServer`."""

from collections.abc import Mapping, Sequence
from typing import Any

from bundles.realtime.errors import IOServerError
from bundles.realtime.log_level import LogLevel
from rxkernel import ConfigurationError

_MODES = ("websocket", "polling")
_CORS = {
    "origin": "origins",
    "credentials": "allow_credentials",
    "exposed_headers": "exposed_headers",
    "max_age": "preflight_max_age",
}


def host_of(given: str) -> str:
    """Return the address to listen on; an empty one is ``localhost``."""
    return given or "localhost"


def port_of(given: int | str) -> int:
    """Return the port as a number.

    Raises:
        IOServerError: it is not a whole number from 0 to 65535 (400).
    """
    try:
        port = -1 if isinstance(given, bool) else int(given)
    except (TypeError, ValueError):
        port = -1
    if not 0 <= port <= 65535 or (isinstance(given, float) and port != given):
        raise IOServerError("Invalid port number", 400)
    return port


def level_of(given: str | int | LogLevel) -> LogLevel:
    """Return the level of the option ``verbose``.

    Raises:
        ConfigurationError: there is no such level.
    """
    try:
        return LogLevel.of(given)
    except ValueError as exc:
        raise ConfigurationError(f"verbose is {exc}") from exc


def transports_of(mode: str | Sequence[str]) -> tuple[str, ...]:
    """Return the transports of Socket.IO.

    Raises:
        ConfigurationError: one is unknown, or there is none.
    """
    names = _texts("mode", mode)
    if not names or any(name not in _MODES for name in names):
        raise ConfigurationError(
            f"mode is {mode!r}; write 'websocket' or 'polling', or a list of both"
        )
    return names


def cors_of(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the settings of HTTP for the option ``cors``.

    Raises:
        ConfigurationError: a key is unknown, or a value is invalid.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"cors is {given!r}; write a dict as {{'origin': 'https://…'}}")
    if unknown := [key for key in given if key not in _CORS]:
        raise ConfigurationError(
            f"cors has {', '.join(map(repr, unknown))}; its keys are {', '.join(_CORS)}. Methods "
            f"and request headers need no key: those of the routes are allowed"
        )
    values = {_CORS[key]: value for key, value in given.items()}
    if "origins" in values:
        values["origins"] = _origins(values["origins"])
    if "exposed_headers" in values:
        values["exposed_headers"] = _texts("cors['exposed_headers']", values["exposed_headers"])
    return values


def _origins(given: Any) -> tuple[str, ...]:
    if isinstance(given, bool):
        return ("*",) if given else ()
    return _texts("cors['origin']", given)


def _texts(option: str, given: Any) -> tuple[str, ...]:
    """Return *given*, a text or several, as a tuple.

    Raises:
        ConfigurationError: it is neither.
    """
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, Sequence) or not all(isinstance(one, str) for one in given):
        raise ConfigurationError(f"{option} is {given!r}; write a str, or a list of them")
    return tuple(given)


def cookie_of(given: bool | str) -> str | None:
    """Return the name of the cookie, or None.

    Raises:
        ConfigurationError: it is neither a bool nor a text.
    """
    if not isinstance(given, bool | str):
        raise ConfigurationError(f"cookie is {given!r}; write True, False, or a name")
    return given if isinstance(given, str) else "io" if given else None
