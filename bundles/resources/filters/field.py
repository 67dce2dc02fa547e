"""One filter: the operators that a client may use, and the values that they compare."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs


@attrs.frozen(init=False)
class Field:
    """A filter with further options: ``Field("$eq", path="author.name")``.

    Args:
        operators: the operators that a client may use; a value without an operator means ``$eq``.
        path: the attribute of the entity that is compared, if it has another name than the filter.
            It may contain relations: ``tags.name`` is true for an entity if one of its tags has
            this name.
        column: an expression that is compared instead, such as ``func.lower(Task.title)``.
        type: the type of the values that a client sends, if it differs from that of the column.
        transform: functions that convert each value, called in this order. If one raises a
            `ValidationError` or another ValueError, the value is rejected.
        rename: the operators that are applied instead of those that a client sends, such as
            ``{"$eq": "$contains"}``.
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
