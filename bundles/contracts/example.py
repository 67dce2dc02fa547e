"""`Example`: a call of a definition, and what it returns."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

from bundles.contracts.domain_error import Code
from bundles.contracts.unset import UNSET


@attrs.frozen(kw_only=True, repr=False)
class Example:
    """A call with *params* and *body*, and its result.

    Attributes:
        returns: the content of the response, as JSON has it; UNSET: any content.
        error: the code of the `DomainError` that the call returns; None: the call succeeds.
        caption: what it shows.
    """

    params: Mapping[str, Any] = MappingProxyType({})
    body: Any = None
    returns: Any = UNSET
    error: Code | None = None
    caption: str = ""

    def __repr__(self) -> str:
        given = (
            f"{field.name}={getattr(self, field.name)!r}"
            for field in attrs.fields(Example)
            if getattr(self, field.name) != field.default
        )
        return f"Example({', '.join(given)})"
