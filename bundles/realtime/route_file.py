"""Reads the route file of a controller."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bundles.realtime.controller import Controller
from bundles.realtime.entry_reader import EntryReader
from bundles.realtime.route_entry import OPTION, RouteEntry
from rxkernel import ConfigurationError, HttpMetadata, all_options_of


def routes_of_file(controller: Any, folder: Path) -> Iterator[HttpMetadata | ConfigurationError]:
    """Yield the routes of *controller*, a class or an instance, whose file is below *folder*.

    Yield an error for each invalid entry, or one error if the file is missing or not a JSON list.
    """
    cls: type[Controller] = controller if isinstance(controller, type) else type(controller)
    path = folder / cls.controller_options.routes
    try:
        given = _read(cls, path)
    except ConfigurationError as error:
        yield error
        return
    names = _Names(cls.controller_options.name)
    for number, item in enumerate(given, 1):
        yield from _routes(controller, cls, item, f"{path}, entry {number}", names)


def _read(cls: type[Controller], path: Path) -> list[Any]:
    what = f"the route file of {cls.__qualname__}, {path},"
    try:
        given = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique)
    except FileNotFoundError:
        raise ConfigurationError(
            f"{what} does not exist; create it, name another file with class "
            f"{cls.__name__}(Controller, routes=…), or set the folder realtime.routes"
        ) from None
    except OSError as exc:
        raise ConfigurationError(f"{what} cannot be read: {exc.strerror}") from exc
    except RecursionError:
        raise ConfigurationError(f"{what} is nested too deeply") from None
    except ValueError as exc:  # not UTF-8, or not JSON
        raise ConfigurationError(f"{what} is not JSON: {exc}") from exc
    if not isinstance(given, list):
        raise ConfigurationError(f"{what} is not a list of entries; write [{{…}}, …]")
    return given


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of *pairs*.

    Raises:
        ValueError: it has a key twice, so that one value would be lost.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"an object has the key {twice!r} twice; remove one")
    return found


def _routes(
    controller: Any, cls: type[Controller], item: Any, place: str, names: "_Names"
) -> Iterator[HttpMetadata | ConfigurationError]:
    if not isinstance(item, dict):
        yield ConfigurationError(f"{place}: the entry is {item!r:.100}; it must be an object")
        return
    reader = EntryReader(cls, item, place)
    entry = reader.read()
    if reader.problems:
        yield _at(place, reader.problems)
        return
    for method in entry.methods:
        try:
            route = _metadata(controller, entry, method, names.next(entry.handler, method))
        except ConfigurationError as error:
            yield _at(place, error.problems)
            continue
        if (problem := _params_problem(item.get("schema", {}), route)) is not None:
            yield _at(place, [problem])
            return
        yield route


def _params_problem(schema: Mapping[str, Any], route: HttpMetadata) -> str | None:
    """Return the error of a schema with parameters that the path of *route* does not have."""
    params = schema.get("params")
    if not isinstance(params, Mapping):
        return None
    known = route.syntax.parameters
    named = dict.fromkeys([*params.get("properties", ()), *params.get("required", ())])
    unknown = [name for name in named if name not in known]
    if not unknown:
        return None
    return (
        f"schema.params has {' and '.join(map(repr, unknown))}, which the path {route.path!r} "
        f"does not have; its parameters are {', '.join(known) or 'none'}"
    )


def _metadata(controller: Any, entry: RouteEntry, method: str, name: str) -> HttpMetadata:
    return HttpMetadata(
        controller,
        name,
        entry.path,
        method,
        entry.handler,
        {**all_options_of(controller, entry.handler), OPTION: entry},
        body_limit=entry.body_limit,
        host=entry.host,
        headers=entry.headers,
        head=entry.head,
        source=entry.place,
    )


def _at(place: str, problems: Iterable[str]) -> ConfigurationError:
    return ConfigurationError(*(f"{place}: {problem}" for problem in problems))


class _Names:
    """Makes the names of routes: ``<controller>_<handler>``; for further routes of a handler,
    ``<controller>_<handler>_<method>``, then with a number."""

    def __init__(self, controller: str) -> None:
        self._controller = controller
        self._used: Counter[str] = Counter()

    def next(self, handler: str, method: str) -> str:
        name = f"{self._controller}_{handler}"
        if self._used[name]:
            name = f"{name}_{method.lower()}"
        self._used[name] += 1
        count = self._used[name]
        return name if count == 1 else f"{name}_{count}"
