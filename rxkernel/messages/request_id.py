"""Ids of requests, in logs and between services.

`servers.http.request_id_header` reads the id from the header of an HTTP request.
"""

import itertools
import os
import re
from collections.abc import Mapping
from secrets import token_hex

_VALID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_HANDSHAKE = 96
"""Number of characters of the id of a handshake at the beginning of the ids of its events."""

_numbers = itertools.count(1)
_process = token_hex(6)


def new_request_id() -> str:
    """A new unique id; it is not secret."""
    return f"{_process}-{next(_numbers)}"


def client_request_id(headers: Mapping[str, str], name: str | None) -> str | None:
    """Return the id that a client sent in the header *name*; None if it is missing or invalid.

    A valid id has 1 to 128 characters of ``[A-Za-z0-9._-]``, because it is logged and sent to
    other services. If *name* is None, the result is None.
    """
    id = headers.get(name) if name is not None else None
    return id if id is not None and _VALID.fullmatch(id) else None


def event_request_id(handshake: str | None) -> str | None:
    """A new id for one event, from the id of its *handshake*; None if the handshake had none."""
    return None if handshake is None else f"{handshake[:_HANDSHAKE]}-{new_request_id()}"


def _forked() -> None:
    global _process  # a forked process continues with the counter of its parent
    _process = token_hex(6)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
