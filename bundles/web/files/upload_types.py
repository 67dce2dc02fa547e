"""The content types of uploads that are accepted."""

import re
from collections.abc import Iterable

from rxkernel import FileResponse, UnsupportedMediaTypeException, UploadedFile

TYPE = re.compile(r"[a-z0-9!#$&^.+-]+/(\*|[a-z0-9!#$&^.+-]+)|\*/\*")
"""``image/png``, ``image/*`` or ``*/*``, in lower case."""


class UploadTypes:
    """Accepts files whose types are in *accepted*: ``image/png``, ``image/*``, ``*/*``."""

    def __init__(self, accepted: Iterable[str]) -> None:
        self._accepted = tuple(accepted)

    def check(self, file: UploadedFile) -> None:
        """Check the type that the client has sent, and the type of the file's name, with which it
        would be sent back. An unknown suffix is ``application/octet-stream``.

        Raises:
            UnsupportedMediaTypeException: one of them is not accepted (415).
        """
        of_name = FileResponse(file.filename).headers["Content-Type"]
        for sent in (file.content_type, of_name):
            kind = sent.partition(";")[0].strip().lower()
            if not any(_matches(kind, accepted) for accepted in self._accepted):
                raise UnsupportedMediaTypeException(
                    f"the file {file.filename[:100]!r} has the type {kind[:100]!r}; accepted "
                    f"types are {', '.join(self._accepted)}"
                )


def _matches(kind: str, accepted: str) -> bool:
    main, _, sub = accepted.partition("/")
    return accepted in (kind, "*/*") or (sub == "*" and kind.startswith(f"{main}/"))
