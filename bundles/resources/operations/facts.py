"""The facts of a resource that are read at boot: its entity, its key and its view."""

import re
from dataclasses import make_dataclass
from typing import Any

import attrs
from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute, Mapper
from sqlalchemy.sql.elements import True_

from bundles.resources.filters import Filters
from bundles.resources.operations.row_rules import RowRules
from bundles.resources.operations.views import View

ROOMS = "resource:"
"""The prefix of the names of rooms."""

_PARAMETER = re.compile(r"\{(\w+)")


def parameters_of(path: str) -> tuple[str, ...]:
    """Return the names of the parameters of *path*: ``("id",)`` for ``/{id:int}``."""
    return tuple(_PARAMETER.findall(path))


@attrs.frozen(eq=False)
class Facts:
    """A resource class that has been checked.

    Attributes:
        cls: the class.
        path, name, namespace: the arguments of the class, for its routes and events.
        mapper: the mapper of its entity.
        key: the attribute for ``{id}``.
        key_type: the Python type of the key.
        version: the name of the attribute with the version; None without versions.
        view: the view of its rows in responses.
        filters: the filters of its lists.
        is_watched: whether clients can watch its changes.
        location: the name of the HTTP route of one row; None without such a route.
        removed: the class of the argument of ``task_removed``: ``{"id": …}``.
        path_parameters: the names of the parameters of ``path``.
    """

    cls: type[RowRules[Any]]
    path: str
    name: str
    namespace: str
    mapper: Mapper[Any]
    key: InstrumentedAttribute[Any]
    key_type: Any
    version: str | None
    view: View
    filters: Filters
    is_watched: bool
    location: str | None
    removed: Any = attrs.field(init=False)
    path_parameters: tuple[str, ...] = attrs.field(init=False)
    _all: Select[Any] = attrs.field(init=False)

    @property
    def entity(self) -> Any:
        """The mapped class."""
        return self.mapper.class_

    @removed.default
    def _key_alone(self) -> Any:
        return make_dataclass(f"{self.entity.__name__}Removed", [("id", self.key_type)])

    @_all.default
    def _select_all(self) -> Select[Any]:
        return select(self.entity).options(*self.view.options)

    @path_parameters.default
    def _in_path(self) -> tuple[str, ...]:
        return parameters_of(self.path)

    def room_of(self, inner: str) -> str:
        """Return the room for *inner*, a result of `RowRules.room_of`."""
        return f"{ROOMS}{self.name}:{inner}" if inner else f"{ROOMS}{self.name}"

    def select(self, condition: ColumnElement[bool]) -> Select[Any]:
        """Return the statement for the rows of *condition*, which loads everything for the
        view."""
        return self._all if isinstance(condition, True_) else self._all.where(condition)
