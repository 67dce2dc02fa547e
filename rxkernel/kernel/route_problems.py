"""Merges equal problems of several routes."""

from collections.abc import Iterable, Iterator

from rxkernel.exceptions import ConfigurationError
from rxkernel.routing.metadata import RouteMetadata


def problems_of_routes(
    failed: Iterable[tuple[RouteMetadata, ConfigurationError]],
) -> Iterator[str]:
    """Yield the problems of *failed*. A problem that several routes of one action have is yielded
    once, with the key of the first route and the number of the others."""
    found: dict[tuple[int | None, str], dict[str, None]] = {}
    for metadata, error in failed:
        begin = f"route {metadata.key!r}"
        for problem in error.problems:
            if problem.startswith(begin):
                same = (id(metadata.target), problem.removeprefix(begin))
                found.setdefault(same, {})[metadata.key] = None
            else:
                found.setdefault((None, problem), {})
    for (_, text), keys in found.items():
        if keys:
            first, *others = keys
            more = f" and {other_routes(len(others))}" if others else ""
            yield f"route {first!r}{more}{text}"
        else:
            yield text


def other_routes(number: int) -> str:
    """*number* further routes, for an error that has the name of one."""
    return "1 other route" if number == 1 else f"{number} other routes"
