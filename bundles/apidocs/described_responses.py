"""The responses of a definition, by the schemas of its `Documentation`."""

from collections.abc import Mapping
from typing import Any

import attrs

from bundles.apidocs.contract_facts import contents_of
from bundles.apidocs.inputs import TEXT
from rxkernel import Documentation

Schema = dict[str, Any]


def contents_by_media_type(schema: Schema) -> dict[str, Schema]:
    """Return the schemas of a content with *schema* by media type. A text is sent unchanged, with
    any format."""
    if schema.get("type") == "string" and "contentEncoding" not in schema:
        return {TEXT: schema}
    return contents_of(schema)


@attrs.frozen(kw_only=True)
class DescribedResponses:
    """The schemas of contents by status: ``"200"``, ``"2xx"`` or ``"default"``.

    If ``are_complete``, they include all successful statuses, and the signature adds none.
    """

    documentation: Documentation = attrs.field(factory=Documentation)
    by_status: Mapping[str, Schema] = attrs.field(factory=dict)
    are_complete: bool = False

    def find(self, status: int) -> Schema | None:
        """Return the schema for *status*, or None."""
        key = self.documentation.key_of(status)
        return None if key is None else self.by_status[key]

    @property
    def statuses(self) -> list[int]:
        return [int(key) for key in self.by_status if key.isdecimal()]

    @property
    def ranges(self) -> list[str]:
        return [key for key in self.by_status if not key.isdecimal()]
