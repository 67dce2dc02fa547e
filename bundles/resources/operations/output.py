"""The contents of responses and of pushed events: views of rows, and their tags."""

from collections.abc import Callable
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
        view: converts a row to an instance of the view, which has only the fields to send.
    """

    versions: Versions
    view: Shape
    _serializer: Serializer

    @classmethod
    def of(cls, facts: Facts, place: str, scalars: Scalars) -> "Output":
        """
        Raises:
            ConfigurationError: a type of the view cannot be sent.
        """
        view = shape_of(facts.view.cls, place, scalars)
        assert view is not None, "it is a class with fields"
        return cls(Versions(facts), view, Serializer(scalars))

    def tag(self, row: Any) -> str:
        """Return the tag of *row*, see `Versions`."""
        encoded = self.encoded(row) if self.versions.has_hash else b""
        return self.versions.tag_of(row, encoded)

    def encoded(self, row: Any) -> bytes:
        """Return the view of *row* as JSON."""
        encoded: bytes = self._serializer.encode_json(self.view(row))
        return encoded
