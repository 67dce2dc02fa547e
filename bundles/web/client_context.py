"""``client.context``."""

from typing import Any

import attrs


@attrs.define(eq=False)
class ClientContext:
    """The data that the handlers of one request share.

    Attributes:
        data: the values for the template of the page.
    """

    data: dict[str, Any] = attrs.field(factory=dict)
