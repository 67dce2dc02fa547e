"""The events of the bundle."""

from enum import StrEnum

import attrs

from rxkernel import Event


class SecurityEvents(StrEnum):
    """Names of the events, those of RxStack where it has them."""

    REVOKED = "security.revoked"


@attrs.define(eq=False)
class RevokedEvent(Event):
    """``security.revoked``: credentials have ended before they expired; sockets follow it.

    Attributes:
        identifier: of the user whose credentials have all ended, or None.
        token_id: the ``jti`` of the one access token that has ended, or None.
    """

    identifier: str | None = None
    token_id: str | None = attrs.field(default=None, repr=False)
