"""`Example`: a call of a definition, and its expected result."""

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
    """A call with *params* and *body*, and its expected result.

    Attributes:
        returns: the content of the response, as JSON; UNSET: any content.
        error: the code of the `DomainError` that the call returns; None: the call succeeds.
        caption: a title for the documentation.
        user: the identifier of the user that calls; None: a client that is not authenticated. The
            application loads the user; with the bundle security, its `UserProvider` does.
        transports: the transports over which it is called; None: all that serve the definition.
            The example is called once for each, so name one for a call that succeeds only once,
            such as a deletion.
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
