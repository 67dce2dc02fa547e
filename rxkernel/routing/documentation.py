"""`Documentation`: data for documents about a definition, in addition to its signature."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

from rxkernel.routing.definitions import Definition

DOCUMENTATION = "documentation"
"""The option of a `Documentation`. A listener of ``kernel.definition`` sets it."""

_NO_RESPONSES: Mapping[str, Any] = MappingProxyType({})


@attrs.frozen(kw_only=True, repr=False)
class Documentation:
    """Describes the messages of a definition for documents. It does not change the definition.

    The schemas are JSON Schemas of the draft 2020-12, or of the draft that ``$schema`` names. A
    ``$ref`` refers to a part of the same schema.

    Attributes:
        is_listed: False for a definition that is not a part of the API.
        params: the parameters of the path, as an object.
        query: the parameters of the query, as an object. One with a ``default`` may be missing.
        headers: the headers, as an object. A header with a ``default`` may be missing.
        body: the body, which is required. It does not apply to GET and HEAD.
        responses: the contents of responses, by status: ``"200"``, ``"2xx"`` or ``"default"``.
            The first of the three that exists is used.
        statuses: the statuses of errors with which a bundle rejects messages before the action.
    """

    is_listed: bool = True
    params: Any = None
    query: Any = None
    headers: Any = None
    body: Any = None
    responses: Mapping[str, Any] = _NO_RESPONSES
    statuses: tuple[int, ...] = ()

    def __repr__(self) -> str:
        """The names of the described parts, and the statuses, for ``rxkernel routes``."""
        if not self.is_listed:
            return "not listed"
        parts = ("params", "query", "headers", "body")
        names = [part for part in parts if getattr(self, part) is not None]
        return " ".join([*names, *self.responses, *map(str, self.statuses)]) or "empty"

    def key_of(self, status_code: int) -> str | None:
        """Return the key in `responses` for *status_code*, or None."""
        keys = (str(status_code), f"{status_code // 100}xx", "default")
        return next((key for key in keys if key in self.responses), None)


def documentation_of(definition: Definition) -> Documentation | None:
    """Return the `Documentation` that a bundle has set for *definition*, or None."""
    found = definition.options.get(DOCUMENTATION)
    return found if isinstance(found, Documentation) else None
