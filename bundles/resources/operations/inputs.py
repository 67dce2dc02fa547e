"""The parameters of operations: a key, keys, a version, or the fields of a class."""

import inspect
from collections.abc import Iterator, Mapping
from datetime import datetime
from types import GenericAlias
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from msgspec import Meta

from bundles.resources.database.utc_datetime import has_timezone
from bundles.resources.entities.sent_fields import field_names
from bundles.resources.operations.facts import Facts
from bundles.resources.operations.row_rules import RowRules
from bundles.resources.operations.versions import Expected
from rxkernel import Body, Header, Marker, Query, Transport

REQUIRED = inspect.Parameter.empty

Parameters = dict[str, tuple[Any, Any]]
"""The annotation and the default of each parameter of an action, by name."""

KEY = """
Args:
    id: the key of the row
"""
"""The description of `key_parameter` for the documentation."""

KEYS = """
Args:
    ids: the keys of the rows
"""

VERSION = """\
    if_match: the ETag of the row that you have read; if the row has another one, it is an error
    version: the ETag of the row that you have read; if the row has another one, it is an error
"""

_LARGEST = 2**63 - 1


def key_parameter(facts: Facts) -> Parameters:
    """Return the parameter with the key of a row."""
    return {"id": (_key_type(facts), REQUIRED)}


def keys_parameter(facts: Facts, limit: int) -> Parameters:
    """Return the parameter with 1 to *limit* keys. Missing keys are an error, and never mean all
    rows."""
    keys = GenericAlias(list, (_key_type(facts),))
    return {"ids": (Annotated[keys, Meta(min_length=1, max_length=limit), Query()], REQUIRED)}


def _key_type(facts: Facts) -> Any:
    if facts.key_type is int:  # the drivers cannot send larger numbers
        return Annotated[int, Meta(ge=-_LARGEST - 1, le=_LARGEST)]
    return facts.key_type


def body_parameter(input_: Any) -> Parameters:
    """Return the parameter with the body, unless the annotation *input_* has another source."""
    has_marker = get_origin(input_) is Annotated and any(
        isinstance(extra, Marker) for extra in get_args(input_)[1:]
    )
    return {"input": (input_ if has_marker else Annotated[input_, Body()], REQUIRED)}


def problems_of_input(facts: Facts, input_: Any, method: str) -> Iterator[str]:
    """Yield the errors of the class *input_*, whose fields *method* sets on rows."""
    cls = get_args(input_)[0] if get_origin(input_) is Annotated else input_
    names = field_names(cls)
    if names is None:
        yield f"its input {cls!r} has no fields; write an attrs class, a dataclass or a Struct"
        return
    if getattr(facts.cls, method) is not getattr(RowRules, method):
        return  # the method is overridden, so it may accept any fields
    for name in names:
        if name in facts.mapper.relationships:
            yield (
                f"its input {cls.__name__} has the field {name!r}, which is a relation of "
                f"{facts.entity.__name__}; remove it, or override {method}()"
            )
        elif not hasattr(facts.entity, name):
            yield (
                f"its input {cls.__name__} has the field {name!r}, which "
                f"{facts.entity.__name__} does not have; remove it, or override {method}()"
            )
        elif (wanted := _wanted_zone(facts, cls, name)) is not None:
            has = "needs a" if wanted else "has no"
            yield (
                f"its input {cls.__name__} has the field {name!r}, a datetime with or without a "
                f"time zone, and the column {has} time zone; write "
                f"Annotated[datetime, msgspec.Meta(tz={wanted})]"
            )


def _wanted_zone(facts: Facts, cls: Any, name: str) -> bool | None:
    """Whether the column of the field *name* of *cls* requires a time zone (True) or none (False).
    Otherwise the database would drop the zone, or reject a time without one. None for other
    fields, and if the annotation has a rule."""
    column = facts.mapper.column_attrs.get(name)
    annotation = get_type_hints(cls, include_extras=True).get(name)
    if column is None or datetime not in (annotation, *get_args(annotation)):
        return None
    if get_origin(annotation) is Annotated:  # it has its own rule
        return None
    return has_timezone(column.columns[0].type)


def version_parameter(transport: Transport) -> Parameters:
    """Return the optional parameter with the versions that the client accepts. Over a socket it is
    not a header, since headers are sent only with the handshake."""
    if transport is Transport.HTTP:
        return {"if_match": (Annotated[list[str], Header("If-Match")], [])}
    return {"version": (int | str | None, None)}


def expected_in(arguments: Mapping[str, Any]) -> Expected:
    """Return the versions in the argument of `version_parameter`."""
    version = arguments.get("version")
    return Expected.of(arguments.get("if_match", ()) if version is None else [version])
