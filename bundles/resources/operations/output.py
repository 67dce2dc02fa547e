"""The contents of responses and of pushed events: views of rows, and their tags."""

from types import GenericAlias
from typing import Any

import attrs

from bundles.resources.operations.facts import Facts
from bundles.resources.operations.versions import Versions
from rxkernel import Scalars, Serializer, Shaper


@attrs.frozen(eq=False)
class Output:
    """
    Attributes:
        versions: computes the tags.
    """

    versions: Versions
    _one: Shaper
    _many: Shaper
    _serializer: Serializer

    @classmethod
    def of(cls, facts: Facts, place: str, scalars: Scalars) -> "Output":
        """
        Raises:
            TypeError, NameError: the view cannot be sent.
        """
        view = facts.view.cls
        return cls(
            Versions(facts),
            Shaper(view, place, scalars),
            Shaper(GenericAlias(list, (view,)), place, scalars),
            Serializer(scalars),
        )

    def view(self, row: Any) -> Any:
        """Return *row* as an instance of the view, which has nothing else."""
        return self._one.shape(row)

    def views(self, rows: Any) -> Any:
        return self._many.shape(rows)

    def tag(self, row: Any) -> str:
        """Return the tag of *row*, see `Versions`."""
        encoded = b""
        if self.versions.has_hash:
            encoded = self._serializer.encode_json(self.view(row))
        return self.versions.tag_of(row, encoded)
