"""``client.context``."""

from typing import Any

import attrs


@attrs.define(eq=False)
class ClientContext:
    """What the handlers of one request share.

    Attributes:
        data: what a template shows.
    """

    data: dict[str, Any] = attrs.field(factory=dict)
