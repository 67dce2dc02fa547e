"""The routes of a snapshot."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Self

import attrs

from bundles.autoload.endpoints.access import Access, access_options
from bundles.autoload.endpoints.application_users import ApplicationUsers
from bundles.autoload.endpoints.endpoint import Endpoint, Hook
from bundles.autoload.endpoints.endpoint_routes import RoutesOf, endpoint_routes, hook_routes
from bundles.autoload.endpoints.functions import line_in_file
from bundles.autoload.loading.api_units import UnitVersion
from bundles.autoload.loading.place import Place
from bundles.autoload.loading.problem_lines import located
from bundles.autoload.loading.snapshot import Snapshot
from bundles.autoload.places.tasks import TaskFile
from rxkernel import ConfigurationError, RouteMetadata, Transport

Value = Endpoint | Hook | TaskFile

_TASKS = "tasks:"
"""The prefix of the names of tasks, instead of a unit: there may be a unit ``tasks``."""


@attrs.frozen
class _Published:
    """The routes of one name, made from *value*."""

    value: Value
    routes: tuple[RouteMetadata, ...]


@attrs.frozen(eq=False)
class Routes:
    """All routes of a snapshot. An unchanged file has the same metadata objects as before."""

    _published: Mapping[str, _Published] = attrs.field(factory=dict)
    _of_places: Mapping[Place, Iterable[RouteMetadata]] = attrs.field(factory=dict)

    def __iter__(self) -> Iterator[RouteMetadata]:
        for each in self._published.values():
            yield from each.routes
        for routes in self._of_places.values():
            yield from routes

    def changes_since(
        self, before: Self
    ) -> tuple[tuple[RouteMetadata, ...], tuple[RouteMetadata, ...]]:
        """Return the routes to add and to remove, for `Application.reload`."""
        old, new = set(map(id, before)), set(map(id, self))
        added = tuple(each for each in self if id(each) not in old)
        removed = tuple(each for each in before if id(each) not in new)
        return added, removed

    @property
    def hidden(self) -> set[str]:
        """The names with a version of methods that the highest version of the unit does not
        have."""
        return {name for name in self._published if _default_of(name) not in self._published}

    def of_place(self, place: Place) -> Iterable[RouteMetadata]:
        """Return the result of `Place.routes_of`."""
        return self._of_places.get(place, ())

    def of(self, name: str, value: Value) -> tuple[RouteMetadata, ...] | None:
        """Return the routes of *name* if they were made from *value*, otherwise None."""
        found = self._published.get(name)
        return found.routes if found is not None and found.value is value else None


def _default_of(name: str) -> str:
    """Return *name* without its version: ``chat.2/send`` is ``chat/send``."""
    unit, _, method = name.partition("/")
    return f"{unit.partition('.')[0]}/{method}"


def routes_of(
    snapshot: Snapshot,
    before: Routes,
    *,
    bundles: Collection[str],
    transports: Collection[Transport],
    users: ApplicationUsers | None,
    places: Iterable[Place] = (),
) -> Routes:
    """Return the routes of *snapshot*. A method has the names ``<unit>.<version>/<method>`` and,
    in the highest version, ``<unit>/<method>``.

    Args:
        before: the current routes; unchanged ones are reused.
        bundles: the names of the enabled bundles.
        transports: all transports of the application.
        users: the users of the bundle security; None if it is not enabled.
        places: the places of other bundles.

    Raises:
        ConfigurationError: lists every error of every file.
    """
    return _Publishing(snapshot, before, bundles, transports, users).run(places)


class _Publishing:
    def __init__(
        self,
        snapshot: Snapshot,
        before: Routes,
        bundles: Collection[str],
        transports: Collection[Transport],
        users: ApplicationUsers | None,
    ) -> None:
        self._snapshot = snapshot
        self._bundles = bundles
        self._before = before
        self._published: dict[str, _Published] = {}
        self._problems: list[str] = []
        self._transports = transports
        self._users = users
        self._rule_of: Callable[[Access], object] | None = None
        if users is not None:  # only then, since the module requires an extra
            self._rule_of = import_module("bundles.autoload.endpoints.security_rules").rule_of

    def run(self, places: Iterable[Place]) -> Routes:
        for unit in self._snapshot.api.values():
            latest = unit.latest
            for version in unit.versions.values():
                names = [f"{unit.name}.{version.version}"]
                if version is latest:
                    names.append(unit.name)
                for value in _values_of(version):
                    self._publish(value, names)
        for file in self._snapshot.files.values():
            if isinstance(file.value, TaskFile):
                self._publish(file.value, [_TASKS])
        of_places = {place: self._routes_of_place(place) for place in places}
        if self._problems:
            raise ConfigurationError(*dict.fromkeys(self._problems))
        return Routes(MappingProxyType(self._published), of_places)

    def _routes_of_place(self, place: Place) -> Iterable[RouteMetadata]:
        try:
            return place.routes_of(self._snapshot, self._before.of_place(place))
        except ConfigurationError as error:
            self._problems += error.problems
            return ()

    def _publish(self, value: Value, units: Iterable[str]) -> None:
        make: RoutesOf | None = None
        for unit in units:
            name = f"{unit}/{value.method}"
            routes = self._before.of(name, value)
            if routes is None:
                make = make or self._maker_of(value)
                if make is None:
                    return
                routes = make(unit)
            self._published[name] = _Published(value, routes)

    def _maker_of(self, value: Value) -> RoutesOf | None:
        """Return the function that makes the routes of *value*; None after an error."""
        source = self._snapshot.tree.show(
            value.file.key, line_in_file(value.function, value.file.path)
        )
        try:
            if isinstance(value, TaskFile):
                routes = self._routes_of_task(value, source)
                return lambda unit: routes
            options = {
                **value.options,
                **access_options(value.access, self._rule_of),
            }
            if isinstance(value, Hook):
                return hook_routes(value, options, self._transports, source)
            schemas, users = self._snapshot.schemas, self._users
            return endpoint_routes(value, options, schemas, self._transports, source, users)
        except ConfigurationError as error:
            what = "" if value.method == value.file.stem else f"{value.method}: "
            problems = (f"{what}{problem}" for problem in error.problems)
            about = getattr(value.function, "__name__", "method")
            self._problems += located(problems, value.file, self._snapshot.tree, about)
            return None

    def _routes_of_task(self, task: TaskFile, source: str) -> tuple[RouteMetadata, ...]:
        if "tasks" not in self._bundles:
            raise ConfigurationError(
                "the bundle tasks, which runs it, is not enabled; if the application is made by "
                "create_application, restart the server, since the bundle is added at its start; "
                "otherwise add 'tasks' to the list of bundles"
            )
        module = import_module("bundles.autoload.places.task_routes")  # requires an extra
        routes: tuple[RouteMetadata, ...] = module.task_routes(task, source)
        return routes


def _values_of(version: UnitVersion) -> Iterator[Value]:
    if version.single is not None:
        yield from version.single.value
    for file in version.files.values():
        yield file.value
