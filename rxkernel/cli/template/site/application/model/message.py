"""What the site stores: ``model.message.Message``."""

import attrs

from bundles.autoload import lib

LONGEST = 200


@attrs.frozen
class Message:
    name: str
    text: str = attrs.field(converter=lambda text: lib.text.shortened(text, LONGEST))
