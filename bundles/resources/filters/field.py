"""One filter: the operators that a client may use, and what they compare."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs


@attrs.frozen(init=False)
class Field:
    """A filter with more than the operators: ``Field("$eq", path="author.name")``.

    Args:
        operators: those that a client may use; a value without an operator is ``$eq``.
        path: the attribute of the entity that is compared, if it has another name than the filter.
            It may lead through relations: ``tags.name`` is true for an entity if one of its tags
            has the name.
        column: an expression that is compared instead, such as ``func.lower(Task.title)``.
        type: what a client sends, if it is not the type of the column.
        transform: functions that replace each value, the first one first. A `ValidationError` or
            another ValueError rejects the value.
        rename: operators that run in place of those that a client sends: ``{"$eq": "$contains"}``.
    """

    operators: tuple[str, ...]
    path: str | None
    column: Any
    type: Any
    transform: tuple[Callable[[Any], Any], ...]
    rename: Mapping[str, str]

    def __init__(
        self,
        *operators: str,
        path: str | None = None,
        column: Any = None,
        type: Any = None,
        transform: Sequence[Callable[[Any], Any]] = (),
        rename: Mapping[str, str] | None = None,
    ) -> None:
        self.__attrs_init__(operators, path, column, type, tuple(transform), dict(rename or {}))
