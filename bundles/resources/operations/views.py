"""Views: the classes of responses, filled from the attributes of rows."""

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import attrs
from sqlalchemy.orm import Mapper, QueryableAttribute, selectinload, undefer

from bundles.resources.entities.sent_fields import field_names
from rxkernel import ConfigurationError


@attrs.frozen(eq=False)
class View:
    """The class of responses of a resource, and the options to load its attributes.

    Attributes:
        cls: an attrs class, a dataclass or a Struct.
        attributes: the mapped attributes of the row that it reads.
        options: the options of statements that load rows: for relationships and deferred columns.
        is_own: whether it has only columns of the row, so that the version of the row identifies
            it.
    """

    cls: Any
    attributes: frozenset[str]
    options: tuple[Any, ...]
    is_own: bool

    @classmethod
    def of(cls, mapper: Mapper[Any], view: Any) -> "View":
        """Read *view*, a class, for rows of *mapper*.

        Raises:
            ConfigurationError: lists every field that the entity does not have.
        """
        problems = [*_problems(mapper, view, view.__name__)]
        if problems:
            raise ConfigurationError(*problems)
        names = field_names(view) or ()
        mapped = frozenset(name for name in names if name in mapper.attrs)
        columns = frozenset(name for name in names if name in mapper.column_attrs)
        return cls(view, mapped, tuple(_options(mapper, view)), columns == frozenset(names))


def _problems(mapper: Mapper[Any], view: Any, place: str) -> Iterator[str]:
    entity = mapper.class_
    for name in field_names(view) or ():
        if not hasattr(entity, name):
            yield (
                f"the view {place} has the field {name!r}, which {entity.__name__} does not have; "
                f"remove it, or add an attribute or a property of that name"
            )
        elif (nested := _nested(mapper, view, name)) is not None:
            inner, cls = nested
            yield from _problems(inner, cls, f"{place}.{name}")


def _options(mapper: Mapper[Any], view: Any) -> Iterator[Any]:
    for name in field_names(view) or ():
        attribute: QueryableAttribute[Any] = getattr(mapper.class_, name)
        if name in mapper.relationships:
            option = selectinload(attribute)
            if (nested := _nested(mapper, view, name)) is not None:
                option = option.options(*_options(*nested))
            yield option
        elif name in mapper.column_attrs and mapper.column_attrs[name].deferred:
            yield undefer(attribute)


def _nested(mapper: Mapper[Any], view: Any, name: str) -> tuple[Mapper[Any], Any] | None:
    """Return the mapper and the view of the relationship *name*; None for another field."""
    if name not in mapper.relationships:
        return None
    cls = next(classes_in(get_type_hints(view)[name]), None)
    return None if cls is None else (mapper.relationships[name].mapper, cls)


def classes_in(annotation: Any) -> Iterator[Any]:
    """Yield the classes with fields in *annotation*: ``Author`` in ``list[Author] | None``."""
    if field_names(annotation) is not None:
        yield annotation
    for part in get_args(annotation):
        yield from classes_in(part)
