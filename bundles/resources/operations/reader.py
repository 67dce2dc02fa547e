"""Reads and checks the classes of resources, at boot."""

import inspect
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import attrs
import sqlalchemy
from sqlalchemy.exc import InvalidRequestError, NoInspectionAvailable
from sqlalchemy.orm import InstrumentedAttribute, Mapper

from bundles.resources.entities.mapped import is_unique
from bundles.resources.entities.sent_fields import field_names
from bundles.resources.filters import Filters
from bundles.resources.operations.arguments import (
    is_list,
    problems_of_arguments,
    problems_of_key,
)
from bundles.resources.operations.facts import Facts
from bundles.resources.operations.operation import Operation
from bundles.resources.operations.own import own_operations
from bundles.resources.operations.resource import Resource
from bundles.resources.operations.row_rules import entity_of
from bundles.resources.operations.views import View
from rxkernel import ConfigurationError, Transport

_HOOKS = ("pre_", "post_")


@attrs.frozen(eq=False)
class CheckedResource:
    """A resource class that has no errors."""

    facts: Facts
    operations: tuple[Operation, ...]


def read_resource(cls: type[Resource[Any]]) -> CheckedResource:
    """Read the resource *cls*.

    Raises:
        ConfigurationError: lists every error.
    """
    reader = _Reader(cls)
    found = reader.read()
    if found is None or reader.problems:
        place = f"{cls.__module__}.{cls.__qualname__}"
        raise ConfigurationError(*(f"resource {place} {each}" for each in reader.problems))
    return found


class _Reader:
    """Reads each part independently, so that all errors are found at once."""

    def __init__(self, resource: type[Resource[Any]]) -> None:
        self._resource = resource
        self._label = resource.resource_label
        self.problems: list[str] = []

    def read(self) -> CheckedResource | None:
        self._check_label()
        mapper = self._mapper()
        operations = self._operations()
        self.problems += _wrong_hooks(self._resource, operations)
        facts = None if mapper is None else self._facts(mapper, operations)
        for operation in operations.values():
            problems = [*problems_of_arguments(operation)]
            if facts is not None:
                problems += operation.problems(facts)
                problems += () if problems else problems_of_key(operation, facts)
            self.problems += (f"has {operation.name}: {problem}" for problem in problems)
        return None if facts is None else CheckedResource(facts, tuple(operations.values()))

    def _facts(self, mapper: Mapper[Any], operations: Mapping[str, Operation]) -> Facts:
        """Return the facts of the resource. Invalid parts are replaced, so that the operations can
        be checked too."""
        key = self._key(mapper)
        return Facts(
            self._resource,
            (self._label.path or "").rstrip("/"),
            self._label.name or "",
            self._label.namespace,
            mapper,
            key,
            _python_type(key),
            _version_of(mapper),
            self._view(mapper) or View(object, frozenset(), (), is_own=False),
            self._filters(),
            is_watched="watch" in operations,
            location=self._location(operations),
        )

    def _check_label(self) -> None:
        given = {"path": self._label.path, "name": self._label.name}
        if missing := " and no ".join(each for each, value in given.items() if value is None):
            self.problems.append(
                f"has no {missing}; write class {self._resource.__name__}(Resource[…], "
                f'path="/tasks", name="task")'
            )

    def _mapper(self) -> Mapper[Any] | None:
        entity = entity_of(self._resource)
        if entity is None:
            self.problems.append(
                f"names no entity; write class {self._resource.__name__}(Resource[Task], …)"
            )
            return None
        try:
            found = sqlalchemy.inspect(entity)
        except (NoInspectionAvailable, InvalidRequestError):
            found = None
        if not isinstance(found, Mapper):
            self.problems.append(
                f"is for {entity.__name__}, which is not a mapped class; derive it from the "
                f"declarative base"
            )
            return None
        return found

    def _operations(self) -> dict[str, Operation]:
        listed: Any = self._resource.operations
        if not is_list(listed):
            self.problems.append(
                f"has operations = {listed!r:.60}, which is not a list; write operations = "
                f"[List(), Get()]"
            )
            listed = [listed] if isinstance(listed, Operation) else []
        given = (*listed, *own_operations(self._resource))
        found: dict[str, Operation] = {}
        for operation in given:
            if not isinstance(operation, Operation):
                name = getattr(operation, "__name__", repr(operation))
                hint = f"{name}()" if isinstance(operation, type) else "List(), Get()"
                self.problems.append(
                    f"has {name} in its operations, which is not an operation; write {hint}"
                )
            elif operation.name in found:
                self.problems.append(f"has the operation {operation.name!r} twice; remove one")
            else:
                found[operation.name] = operation
        if not given and is_list(self._resource.operations):
            self.problems.append("has no operations; write operations = [List(), Get()]")
        return found

    def _location(self, operations: Mapping[str, Operation]) -> str | None:
        found = operations.get("get")
        transports: Any = () if found is None else found.transports
        has_url = isinstance(transports, Collection) and Transport.HTTP in transports
        return f"{self._label.name}_get" if has_url else None

    def _view(self, mapper: Mapper[Any]) -> View | None:
        view = self._resource.view
        if field_names(view) is None:
            what = "no view" if view is None else f"the view {view!r}, which has no fields"
            self.problems.append(
                f"has {what}; write view = TaskView, an attrs class with the fields to send"
            )
            return None
        try:
            return View.of(mapper, view)
        except ConfigurationError as error:
            self.problems += error.problems
        except NameError as error:
            self.problems.append(
                f"has the view {view.__name__}, whose annotations cannot be read: {error}; import "
                f"them outside of TYPE_CHECKING"
            )
        return None

    def _filters(self) -> Filters:
        given: Any = self._resource.filters
        if isinstance(given, Filters):
            return given
        self.problems.append(
            f"has filters = {given!r:.60}, which is not an instance of Filters; write filters = "
            f'Filters(title=("$eq", "$in"))'
        )
        return Filters()

    def _key(self, mapper: Mapper[Any]) -> InstrumentedAttribute[Any]:
        """Return the attribute of the key; after an error, another attribute."""
        primary = mapper.get_property_by_column(mapper.primary_key[0]).key
        name = self._resource.key
        if name is None:
            if len(mapper.primary_key) != 1:
                self.problems.append(
                    f"is for {mapper.class_.__name__}, whose primary key has "
                    f"{len(mapper.primary_key)} columns; set key to the name of a unique column"
                )
            name = primary
        elif name not in mapper.column_attrs:
            names = ", ".join(mapper.column_attrs.keys())
            self.problems.append(f"has the key {name!r}, which is not one of {names}")
            name = primary
        elif not is_unique(mapper.column_attrs[name].columns[0]):
            self.problems.append(
                f"has the key {name!r}, which is not unique; add unique=True to its column"
            )
        found: InstrumentedAttribute[Any] = getattr(mapper.class_, name)
        return found


def _wrong_hooks(resource: type[Resource[Any]], names: Collection[str]) -> Iterator[str]:
    """Yield an error for each hook without an operation, and for each that cannot be called."""
    for name, member in inspect.getmembers(resource, inspect.isfunction):
        prefix = next((each for each in _HOOKS if name.startswith(each)), None)
        if prefix is None:
            continue
        if name.removeprefix(prefix) not in names:
            known = ", ".join(sorted(prefix + each for each in names)) or "none"
            yield f"has the hook {name}, but no such operation; possible are: {known}"
        elif not inspect.iscoroutinefunction(member):
            yield f"has the hook {name}, which is not async; write async def {name}(self, event)"
        elif len(inspect.signature(member).parameters) != 2:
            yield f"has the hook {name} with other parameters; write async def {name}(self, event)"


def _python_type(key: InstrumentedAttribute[Any]) -> Any:
    try:
        return key.type.python_type
    except NotImplementedError:
        return str


def _version_of(mapper: Mapper[Any]) -> str | None:
    column = mapper.version_id_col
    return None if column is None else mapper.get_property_by_column(column).key
