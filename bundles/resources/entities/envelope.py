"""`Envelope`: sends a result below a name, the counterpart of ``Body(name)``."""

from typing import Any

import attrs

from rxkernel import ConfigurationError, ReturnMarker, object_type


@attrs.frozen
class Envelope(ReturnMarker):
    """Sends ``{"<name>": value}``: ``-> Annotated[CommentView, Envelope("comment")]``.

    A result that is a response, such as a `Slice`, keeps its status and its headers.
    """

    name: str

    def __attrs_post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name):
            raise ConfigurationError(
                f"Envelope({self.name!r}) has a name that is not a text; write the name of the "
                f'field, as in Envelope("comment")'
            )

    def sent_type(self, declared: Any) -> Any:
        return object_type(self.name, declared)

    def sent_value(self, value: Any) -> Any:
        return {self.name: value}
