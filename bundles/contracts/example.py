"""`Example`: a call of a definition, and what it returns."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import attrs

from bundles.contracts.domain_error import Code
from bundles.contracts.unset import UNSET
from rxkernel import Transport


def _several(transports: Any) -> Any:
    return (transports,) if isinstance(transports, str) else transports


@attrs.frozen(kw_only=True, repr=False)
class Example:
    """A call with *params* and *body*, and its result.

    Attributes:
        returns: the content of the response, as JSON has it; UNSET: any content.
        error: the code of the `DomainError` that the call returns; None: the call succeeds.
        caption: what it shows.
        user: the identifier of the user that calls; None: a client that is not authenticated. The
            application loads it, with the bundle security by its `UserProvider`.
        transports: those over which it is called; None: all that serve the definition. A call that
            deletes succeeds only once.
    """

    params: Mapping[str, Any] = MappingProxyType({})
    body: Any = None
    returns: Any = UNSET
    error: Code | None = None
    caption: str = ""
    user: str | None = None
    transports: Sequence[Transport | str] | None = attrs.field(default=None, converter=_several)

    def runs_over(self, transport: Transport) -> bool:
        return self.transports is None or transport in self.transports

    def __repr__(self) -> str:
        given = (
            f"{field.name}={getattr(self, field.name)!r}"
            for field in attrs.fields(Example)
            if getattr(self, field.name) != field.default
        )
        return f"Example({', '.join(given)})"
