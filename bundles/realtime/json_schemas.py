"""Validation by JSON Schema, with jsonschema-rs."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NoReturn

import attrs
import jsonschema_rs

_MOST = 50
_LONGEST = 300
"""The maximum number of characters of a path and of a message, which may have names from
clients."""

_DRAFT = re.compile(r"https?://json-schema\.org/draft(-0[467]|/2019-09|/2020-12)/schema#?")
DEFAULT_DRAFT = "http://json-schema.org/draft-07/schema#"
"""The draft of schemas without ``$schema``, as in IOServer."""


@attrs.frozen
class SchemaError:
    """A rule that a value violates.

    Attributes:
        path: the path of the value, such as ``.items[0].name``; empty for the whole value.
        code: the keyword of the rule, such as ``required``.
        message: the text, which does not contain the value.
    """

    path: str
    code: str
    message: str


class JsonSchema:
    """A compiled JSON Schema.

    Raises:
        ValueError: *schema* is invalid, or refers to another document.
    """

    def __init__(self, schema: Any) -> None:
        make: type[jsonschema_rs.Validator] = jsonschema_rs.Draft7Validator  # DEFAULT_DRAFT
        if isinstance(schema, dict) and "$schema" in schema:
            if _DRAFT.fullmatch(str(schema["$schema"])) is None:
                raise ValueError(
                    f"its $schema is {schema['$schema']!r}, which is not a draft of JSON Schema"
                )
            make = jsonschema_rs.validator_cls_for(schema)
        try:
            self._validator = make(
                schema, validate_formats=True, retriever=_refuse, mask="the value"
            )
        except jsonschema_rs.ValidationError as exc:
            place = _path(exc.instance_path)
            raise ValueError(f"{exc.message} (at {place})" if place else exc.message) from exc

    def accepts(self, value: Any) -> bool:
        """Whether *value* is valid."""
        try:
            return self._validator.is_valid(value)
        except ValueError:  # it is not a JSON value
            return False

    def errors(self, value: Any) -> Iterator[SchemaError]:
        """Yield an error for each rule that *value* violates, at most `_MOST`."""
        try:
            for error in islice(self._validator.iter_errors(value), _MOST):
                path, message = _path(error.instance_path), error.message
                yield SchemaError(path[:_LONGEST], error.kind.name, message[:_LONGEST])
        except ValueError:
            yield SchemaError("", "type", "the value cannot be represented in JSON")


def _refuse(uri: str) -> NoReturn:
    raise ValueError("a schema may refer only to its own parts")


def _path(steps: list[str | int]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
