"""Converts the options of `IOServer` to settings."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import attrs

from bundles.realtime.exceptions import IOServerError
from bundles.realtime.log_level import LogLevel
from bundles.realtime.settings import RealtimeSettings
from rxkernel import Application, ConfigurationError, HttpSettings, Settings, SocketioSettings

S = TypeVar("S", HttpSettings, SocketioSettings, RealtimeSettings)
Convert = Callable[[str, Any], Any]
"""Converts the value of an option, whose name is passed first; raises a `ValueError` if the value
is invalid."""

_MODES = ("websocket", "polling")


def settings_of(
    given: Settings | None, options: Mapping[str, Any], parts: Iterable[str]
) -> Settings:
    """Return *given*, by default new settings, changed by *options*: all options of `IOServer`.

    *parts* are the names of its further arguments, which must be arguments of `Application`.

    Raises:
        IOServerError: the port is the only invalid option (400).
        ConfigurationError: lists every invalid option.
    """
    base = given if isinstance(given, Settings) else Settings()
    own = base.bundles.get("realtime")
    realtime = own if isinstance(own, RealtimeSettings) else RealtimeSettings()
    problems: list[str] = []
    cors = _cors(options["cors"], problems)
    http = _evolved(base.http, {**_of(_HTTP, options), **cors}, problems)
    socketio = _evolved(base.socketio, _of(_SOCKETIO, options), problems)
    realtime = _evolved(realtime, _of(_REALTIME, options), problems)
    if not (given is None or isinstance(given, Settings)):
        problems.append(f"settings is {given!r:.100}; it must be Settings(…), or None")
    problems += _unknown(parts, options)
    if problems and problems == [_port_problem(options["port"])]:
        raise IOServerError("Invalid port number", 400)
    if problems:
        raise ConfigurationError(*problems)
    bundles = {**base.bundles, "realtime": realtime}
    return attrs.evolve(base, http=http, socketio=socketio, bundles=bundles)


Values = Mapping[str, tuple[str, Convert, Any]]
"""The name of the option, its converter and its value, by the name of the setting."""


def _of(converters: Mapping[str, tuple[str, Convert]], options: Mapping[str, Any]) -> Values:
    return {
        setting: (option, convert, options[option])
        for setting, (option, convert) in converters.items()
    }


def _unknown(parts: Iterable[str], options: Iterable[str]) -> Iterator[str]:
    known = [*options, *inspect.signature(Application).parameters]
    for name in parts:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the options are: {', '.join(known)}"
            yield f"unknown option {name!r}; {hint}"


def _evolved(group: S, values: Values, problems: list[str]) -> S:
    """Return *group* changed by *values*; if one is invalid, add errors and return *group*."""
    converted: dict[str, Any] = {}
    for setting, (option, convert, given) in values.items():
        try:
            converted[setting] = convert(option, given)
        except ValueError as exc:
            problems.append(str(exc))
    try:
        return attrs.evolve(group, **converted)
    except ValueError as exc:  # about the first invalid value only
        problems += list(_problems_of_each(group, converted)) or [str(exc)]
        return group


def _problems_of_each(group: S, values: Mapping[str, Any]) -> Iterator[str]:
    for setting, value in values.items():
        try:
            attrs.evolve(group, **{setting: value})
        except ValueError as exc:
            yield str(exc)


def _host(option: str, given: Any) -> str:
    if not isinstance(given, str):
        raise ValueError(f"{option} is {given!r}; write a str")
    return given or "localhost"


def _port(option: str, given: Any) -> int:
    try:
        port = -1 if isinstance(given, bool) else int(given)
    except (TypeError, ValueError):
        port = -1
    if not 0 <= port <= 65535 or (isinstance(given, float) and port != given):
        raise ValueError(_port_problem(given))
    return port


def _port_problem(given: Any) -> str:
    return f"port is {given!r}; write a whole number from 0 to 65535"


def _level(option: str, given: Any) -> str:
    try:
        return LogLevel.of(given).name
    except ValueError as exc:
        raise ValueError(f"{option} {exc}") from exc


def _transports(option: str, given: Any) -> tuple[str, ...]:
    names = _texts(option, given)
    if not names or any(name not in _MODES for name in names):
        raise ValueError(
            f"{option} is {given!r}; write 'websocket' or 'polling', or a list of both"
        )
    return names


def _cookie(option: str, given: Any) -> str | None:
    if not isinstance(given, bool | str):
        raise ValueError(f"{option} is {given!r}; write True, False, or a name")
    return given if isinstance(given, str) else "io" if given else None


def _path(option: str, given: Any) -> Path:
    if not isinstance(given, str | Path):
        raise ValueError(f"{option} is {given!r}; write a path")
    return Path(given)


def _path_or_none(option: str, given: Any) -> Path | None:
    return None if given is None else _path(option, given)


def _flag(option: str, given: Any) -> bool:
    if not isinstance(given, bool):
        raise ValueError(f"{option} is {given!r}; write True or False")
    return given


def _origins(option: str, given: Any) -> tuple[str, ...]:
    if isinstance(given, bool):
        return ("*",) if given else ()
    return _texts(option, given)


def _texts(option: str, given: Any) -> tuple[str, ...]:
    """Return *given*, a text or a list of texts, as a tuple."""
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, Sequence) or not all(isinstance(one, str) for one in given):
        raise ValueError(f"{option} is {given!r}; write a str, or a list of them")
    return tuple(given)


def _unchanged(option: str, given: Any) -> Any:
    return given


_HTTP: Mapping[str, tuple[str, Convert]] = {"host": ("host", _host), "port": ("port", _port)}
_SOCKETIO: Mapping[str, tuple[str, Convert]] = {
    "transports": ("mode", _transports),
    "cookie": ("cookie", _cookie),
}
_REALTIME: Mapping[str, tuple[str, Convert]] = {
    "verbose": ("verbose", _level),
    "routes": ("routes", _path),
    "root_dir": ("root_dir", _path_or_none),
    "spa_fallback": ("spa_fallback", _flag),
}
_CORS: Mapping[str, tuple[str, Convert]] = {
    "origins": ("origin", _origins),
    "allow_credentials": ("credentials", _unchanged),
    "exposed_headers": ("exposed_headers", _texts),
    "preflight_max_age": ("max_age", _unchanged),
}


def _cors(given: Any, problems: list[str]) -> Values:
    """Return the values of the option ``cors``."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        problems.append(f"cors is {given!r}; write a dict such as {{'origin': 'https://…'}}")
        return {}
    keys = [key for key, _ in _CORS.values()]
    if unknown := [key for key in given if key not in keys]:
        problems.append(
            f"cors has the unknown key {', '.join(map(repr, unknown))}; the keys are "
            f"{', '.join(keys)}. Methods and request headers need no key, since those of the "
            f"routes are allowed"
        )
    return {
        setting: (f"cors[{key!r}]", convert, given[key])
        for setting, (key, convert) in _CORS.items()
        if key in given
    }
