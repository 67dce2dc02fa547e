"""Finds the worker of an Engine.IO session, whose id begins with the worker's number.

A number belongs to one process and is not used again, so an id never leads to a later process.
"""

import re

_SESSION = re.compile(rb"[\r\n]*[A-Z]+ [^ ?\r\n]*\?(?:[^ \r\n]*?&)??sid=([0-9]{1,9})\.")
_ENGINE_IO = re.compile(rb"[\r\n]*[A-Z]+ [^ ?\r\n]*\?(?:[^ \r\n]*&)?EIO=")
_MAY_BE_FOR_ANOTHER = re.compile(rb"[\r\n]*[A-Z]+ [^ ?\r\n]*\?[^ \r\n]*?(?:sid|EIO)=")


def session_id(worker: int, id: str) -> str:
    """The session *id* with the number of its worker: ``12.Zk3…``."""
    return f"{worker}.{id}"


def worker_of(head: bytes) -> int | None:
    """The worker of the session in a request; None if its target has no session id.

    Args:
        head: the beginning of a request, with the request line.
    """
    found = _SESSION.match(head)
    return None if found is None else int(found[1])


def is_for_another(head: bytes, worker: int) -> bool:
    """Whether a request that has reached *worker* is for a session of another worker, or begins a
    session, whose worker the supervisor chooses.

    Args:
        head: the beginning of a request, with the request line.
    """
    if _MAY_BE_FOR_ANOTHER.match(head) is None:  # also called with frames of WebSockets
        return False
    found = worker_of(head)
    return is_engine_io(head) if found is None else found != worker


def is_engine_io(head: bytes) -> bool:
    """Whether a request is for Engine.IO; without a session id it begins a session.

    Args:
        head: the beginning of a request, with the request line.
    """
    return _ENGINE_IO.match(head) is not None
