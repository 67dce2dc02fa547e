"""The contents of responses and of pushed events: views of rows, and their tags."""

from collections.abc import Callable
from types import GenericAlias
from typing import Any

import attrs

from bundles.resources.operations.facts import Facts
from bundles.resources.operations.versions import Versions
from rxkernel import Scalars, Serializer, shape_of

Shape = Callable[[Any], Any]


@attrs.frozen(eq=False)
class Output:
    """Makes the contents of one route.

    Attributes:
        versions: computes the tags.
        view: returns a row as an instance of the view, which has nothing else.
        views: returns a list of rows so.
        result: returns a result as the return type of the operation.
    """

    versions: Versions
    view: Shape
    views: Shape
    result: Shape
    _serializer: Serializer

    @classmethod
    def of(cls, facts: Facts, returns: Any, place: str, scalars: Scalars) -> "Output":
        """
        Raises:
            ConfigurationError: a type cannot be sent.
        """
        view = facts.view.cls
        one, many, result = (
            shape_of(type_, place, scalars) or _unchanged
            for type_ in (view, GenericAlias(list, (view,)), returns)
        )
        return cls(Versions(facts), one, many, result, Serializer(scalars))

    def tag(self, row: Any) -> str:
        """Return the tag of *row*, see `Versions`."""
        encoded = self.encoded(row) if self.versions.has_hash else b""
        return self.versions.tag_of(row, encoded)

    def encoded(self, row: Any) -> bytes:
        """Return the view of *row* as JSON."""
        encoded: bytes = self._serializer.encode_json(self.view(row))
        return encoded


def _unchanged(value: Any) -> Any:
    return value
