"""`match`: return the match of the router, or raise its error for the request."""

from typing import TypeVar

from rxkernel.routing.constraints import Head
from rxkernel.routing.router import Router
from rxkernel.routing.shapes import Match

T = TypeVar("T")


def match(router: Router[T], method: str, raw_path: str, head: Head | None = None) -> Match[T]:
    """Return what `Router.find` returns; for None, raise what `Router.error_for` returns."""
    found = router.find(method, raw_path, head)
    if found is None:
        raise router.error_for(method, raw_path, head)
    return found
