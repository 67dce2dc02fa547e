"""The filters of one entity, checked at boot."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from sqlalchemy import ColumnElement

from bundles.resources.filters.conditions import BoundField, ConditionReader, unknown_field
from bundles.resources.filters.cursor import values_of
from bundles.resources.filters.description import described, field_inputs
from bundles.resources.filters.filter_query import FilterQuery
from bundles.resources.filters.input_tree import parts_of, tree_of
from bundles.resources.filters.sorting import Order, SortKey, SortReader
from rxkernel import Request
from rxkernel.kernel.binding.validation_errors import INVALID, ValidationErrors
from rxkernel.messages.input_errors import (
    ErrorEntry,
    below,
    invalid,
    kind_of,
    out_of_bound,
    rejection,
    wrong_type,
)
from rxkernel.messages.param_type import ParamType

MAX_SKIP = 10_000
"""The maximum of rows to skip, since the database reads them all. A cursor has no such limit."""

OPTIONS = ("limit", "skip", "sort", "cursor")
"""The names of the options. A client may also send them with a leading dollar sign."""

_INT = ParamType.of(int)


@attrs.frozen(eq=False)
class BoundFilters:
    """The filters of one entity; made by `Filters.bind`."""

    fields: Mapping[str, BoundField]
    sort_keys: Mapping[str, SortKey]
    default_order: Sequence[Order]
    tie_breakers: Sequence[SortKey]
    alternatives: int
    page: int
    limit: int
    ignored: frozenset[str]

    def parse(self, given: Request | Mapping[str, Any]) -> FilterQuery:
        """Return the query in *given*: a message, or a mapping such as the params of an event.

        Empty inputs of a form count as not sent, unless an empty text is valid for the filter, see
        `Request.filled_params`. A mapping has no such inputs: its empty texts are values.

        Raises:
            UnprocessableEntityException: lists every error (422).
        """
        errors = ValidationErrors()
        if isinstance(given, Request):
            given = given.filled_params(self._ignores_empty)
        tree = tree_of(given, self.ignored, errors)
        options = self._options(tree, errors)
        reader = ConditionReader(self.fields, errors)
        where: list[ColumnElement[bool]] = []
        for name, given in tree.items():
            if errors.is_full:
                break
            if (condition := self._condition(name, given, reader)) is not None:
                where.append(condition)
        orders = self._orders(options.get("sort"), errors)
        limit = self._number(options, "limit", 1, errors) or self.page
        skip = self._number(options, "skip", 0, errors) or 0
        position = self._position(options, orders, errors)
        if errors.entries:
            raise rejection(errors.entries)
        return FilterQuery(tuple(where), orders, min(limit, self.limit), skip, position)

    def describe(self) -> dict[str, Any]:
        """Return the parameters that a client may send, for ``describe`` of a resolver.

        ``$or`` is omitted, since OpenAPI cannot describe it as a parameter.
        """
        inputs = [each for field in self.fields.values() for each in field_inputs(field)]
        options = map(self._described_option, self._option_names())
        return {"inputs": [*inputs, *options], "statuses": [422]}

    def _ignores_empty(self, name: str) -> bool:
        """Whether an empty input *name* of a form counts as not sent."""
        root, parts = parts_of(name)
        option = root.removeprefix("$")
        if option in self._options_offered and root in self._names_of(option):
            return True
        if root == "$or" and self.alternatives and len(parts) > 1:
            root, parts = parts[1], parts[2:]
        field = self.fields.get(root)
        return field is not None and field.ignores_empty(parts[0] if parts else "")

    def _described_option(self, name: str) -> dict[str, Any]:
        if name.endswith("limit"):
            text = f"the number of rows of the page; at most {self.limit} are sent"
            return described(name, {"type": "integer", "minimum": 1, "default": self.page}, text)
        if name.endswith("skip"):
            schema = {"type": "integer", "minimum": 0, "maximum": MAX_SKIP, "default": 0}
            return described(name, schema, "the number of rows to skip before the page")
        if name.endswith("cursor"):
            return described(name, {"type": "string"}, "the cursor from the previous page")
        words = "|".join(map(re.escape, self.sort_keys))
        schema = {"type": "string", "pattern": f"^(-?({words})(,-?({words}))*)?$"}
        if self.default_order:
            schema["default"] = ",".join(order.text for order in self.default_order)
        text = "the names to sort by, separated by commas; a leading - means descending"
        return described(name, schema, text)

    def _condition(
        self, name: str, given: Any, reader: ConditionReader
    ) -> ColumnElement[bool] | None:
        path = below("params", name)
        if (field := self.fields.get(name)) is not None:
            return reader.read(field, given, path)
        if name == "$or" and self.alternatives:
            return reader.any_of(given, self.alternatives, path)
        reader.errors.add(path, unknown_field(name, self.names))
        return None

    @property
    def names(self) -> list[str]:
        """Every name that a client may send."""
        return [*self.fields, *self._option_names(), *(["$or"] if self.alternatives else [])]

    def _option_names(self) -> list[str]:
        """The name of each option that is described."""
        return [self._names_of(name)[0] for name in self._options_offered]

    def _names_of(self, option: str) -> tuple[str, ...]:
        """Return the names that a client may send for *option*. The one without a dollar sign is
        omitted if it is a filter or another parameter."""
        if option in self.fields or option in self.ignored:
            return (f"${option}",)
        return option, f"${option}"

    @property
    def _options_offered(self) -> list[str]:
        return [name for name in OPTIONS if name != "sort" or self.sort_keys]

    def _options(
        self, tree: dict[str, Any], errors: ValidationErrors
    ) -> dict[str, tuple[Any, str]]:
        """Remove the options from *tree*, and return each value with its path."""
        found: dict[str, tuple[Any, str]] = {}
        for name in self._options_offered:
            for key in self._names_of(name):
                if key not in tree:
                    continue
                path = below("params", key)
                if name in found:
                    errors.add(path, invalid(f"is sent twice, as {name} and ${name}"))
                found[name] = (tree.pop(key), path)
        return found

    def _orders(self, given: tuple[Any, str] | None, errors: ValidationErrors) -> Sequence[Order]:
        asked: Sequence[Order] = self.default_order
        if given is not None:
            asked = SortReader(self.sort_keys, self.default_order).read(*given, errors)
        known = {id(order.key.target.expression) for order in asked}
        return (
            *asked,
            *(Order(key) for key in self.tie_breakers if id(key.target.expression) not in known),
        )

    def _number(
        self,
        options: Mapping[str, tuple[Any, str]],
        name: str,
        least: int,
        errors: ValidationErrors,
    ) -> int | None:
        if name not in options or options[name][0] is INVALID:
            return None
        given, path = options[name]
        value, error = _INT.read(given)
        if error is None and value < least:
            error = out_of_bound("int", ">=", least)
        if error is None and name == "skip" and value > MAX_SKIP:
            error = _too_far()
        if error is not None:
            errors.add(path, error)
            return None
        number: int = value
        return number

    def _position(
        self,
        options: Mapping[str, tuple[Any, str]],
        orders: Sequence[Order],
        errors: ValidationErrors,
    ) -> Sequence[Any] | None:
        if "cursor" not in options or options["cursor"][0] is INVALID:
            return None
        given, path = options["cursor"]
        if not isinstance(given, str):
            errors.add(path, wrong_type("str", kind_of(given)))
        elif "skip" in options:
            errors.add(path, invalid("excludes skip; send one of them"))
        else:
            try:
                return values_of(given, orders)
            except ValueError:
                errors.add(path, invalid("is not a cursor of this list, sorted as here"))
        return None


def _too_far() -> ErrorEntry:
    entry = out_of_bound("int", "<=", MAX_SKIP)
    return attrs.evolve(entry, message=f"{entry.message}; send the cursor from the previous page")
