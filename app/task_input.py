"""The input of clients, validated before an action runs, in the same way on both transports."""

from typing import Annotated, Any

import attrs
import msgspec

from rxkernel import ValidationError

TITLE_LIMIT = 200

TaskId = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
"""An id that SQLite can store."""


_NOT_BLANK = r"[^\s\x1c-\x1f\x85]"
"""A character that `str.split` keeps; the white space of ECMA-262 is not that of Python."""

Title = Annotated[
    str, msgspec.Meta(extra_json_schema={"pattern": _NOT_BLANK, "maxLength": TITLE_LIMIT})
]
"""The text of a title before white space is removed, as documents describe it."""


def _single_spaces(title: Title) -> str:
    return " ".join(title.split())


def _check_title(_: object, __: "attrs.Attribute[Any]", title: str | None) -> None:
    if title is not None and not 1 <= len(title) <= TITLE_LIMIT:
        raise ValidationError(f"must be a string of 1 to {TITLE_LIMIT} characters")


@attrs.frozen
class NewTask:
    """A task to add. Each sequence of white space in its title becomes one space."""

    title: str = attrs.field(converter=_single_spaces, validator=_check_title)


@attrs.frozen
class TaskChange:
    """The fields to change; a field that is None is not changed."""

    title: str | None = attrs.field(
        default=None,
        converter=attrs.converters.optional(_single_spaces),
        validator=_check_title,
    )
    done: bool | None = None

    def __attrs_post_init__(self) -> None:
        if self.title is None and self.done is None:
            raise ValidationError("changes nothing; send a title or done")


Changes = Annotated[
    TaskChange,
    msgspec.Meta(
        extra_json_schema={
            "anyOf": [
                {"required": [name], "properties": {name: {"not": {"type": "null"}}}}
                for name in ("title", "done")
            ]
        }
    ),
]
"""A change, with the rule for documents that at least one of its fields is not null."""
