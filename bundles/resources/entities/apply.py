"""`apply`: sets the attributes of an entity to the fields that a client has sent."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import inspect as sqlalchemy_inspect
from sqlalchemy.orm import InstanceState

from bundles.resources.database.utc_datetime import has_timezone
from bundles.resources.entities.sent_fields import field_names, sent_fields
from rxkernel.nearest import nearest


def apply(entity: object, change: object) -> bool:
    """Set the attributes of *entity* to the fields of *change*; return whether any has changed.

    Fields that are `msgspec.UNSET` are skipped: the client has not sent them.

    Args:
        entity: an instance of a mapped class.
        change: an instance of an attrs class, a dataclass or a ``msgspec.Struct``, or a mapping.

    Raises:
        TypeError: *entity* has no such attribute, or it is a relation.
        ValueError: a datetime has a time zone and its column has none, or the reverse: the
            database would drop the zone, or assume one. Then, as after a TypeError, nothing is
            changed.
    """
    state = sqlalchemy_inspect(entity, raiseerr=False)
    if not isinstance(state, InstanceState):
        raise TypeError(f"{type(entity).__qualname__} is not a mapped class")
    cls = type(change)
    if not isinstance(change, Mapping) and field_names(cls) is None:
        raise TypeError(
            f"{cls.__qualname__} has no declared fields; pass an instance of an attrs class, a "
            f"dataclass or a Struct, or a mapping"
        )
    fields = sent_fields(change)
    for name, value in fields.items():
        _check(state, name, change)
        if isinstance(value, datetime):
            _check_zone(state, name, value, change)
    changed = False
    for name, value in fields.items():
        attribute = state.attrs.get(name)
        # an attribute that is not loaded would be read from the database
        if attribute is None or attribute.loaded_value != value:
            setattr(entity, name, value)
            changed = True
    return changed


def _check(state: InstanceState[Any], name: str, change: object) -> None:
    mapper = state.mapper
    entity = mapper.class_.__qualname__
    if name in mapper.relationships:
        raise TypeError(
            f"{entity}.{name} is a relation, which apply() does not set; set it in the action, "
            f"and remove the field {name!r} from {type(change).__qualname__}"
        )
    known = list(mapper.all_orm_descriptors.keys())
    if name not in known:
        near = nearest(name, known)
        hint = f"did you mean {near!r}?" if near else f"it has {', '.join(sorted(known))}"
        raise TypeError(f"{entity} has no attribute {name!r}; {hint}")


def _check_zone(state: InstanceState[Any], name: str, value: datetime, change: object) -> None:
    column = state.mapper.column_attrs.get(name)
    wanted = None if column is None else has_timezone(column.columns[0].type)
    if wanted is None or wanted == (value.utcoffset() is not None):
        return
    has, needs = ("no", "a") if wanted else ("a", "no")
    field = f"{type(change).__name__}.{name}" if not isinstance(change, Mapping) else repr(name)
    raise ValueError(
        f"the time for {state.mapper.class_.__qualname__}.{name} has {has} time zone, and its "
        f"column has {needs} time zone; declare {field} as "
        f"Annotated[datetime, msgspec.Meta(tz={wanted})], so that other times are a 422"
    )
