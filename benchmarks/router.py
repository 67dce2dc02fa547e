"""The cost of finding a route, by the number of templates."""

import random
import time
from collections.abc import Callable, Sequence
from statistics import median

from benchmarks.report import Table
from rxkernel.routing.path import PathTemplate
from rxkernel.routing.router import Router

Find = Callable[[str, str], object]

_KINDS = {
    "static": ("/static-{n}/list", "/static-{n}/list"),
    "one parameter": ("/one-{n}/{{id:int}}", "/one-{n}/4711"),
    "three segments": ("/three-{n}/{{name}}/{{id:int}}", "/three-{n}/somebody/17"),
}
"""Templates and a path that each matches, by kind. ``n`` is the number of the template, always
with the same count of digits, so that paths do not grow with the number of templates."""

_ASKED = 300
"""The number of paths, spread over all templates. Each is a separate string object, even if it
equals another one: a few repeated strings would be faster with few templates, for reasons that
have nothing to do with the router."""


def templates(number: int, kind: str | None = None) -> tuple[Find, list[str]]:
    """A router with *number* templates, a third of each kind, and paths that match.

    *kind*: the kind of the paths; by default all kinds.
    """
    router: Router[int] = Router()
    kinds = list(_KINDS)
    paths = []
    for place in range(number):
        name = kinds[place % len(kinds)]
        template, path = (text.format(n=f"{place:05}") for text in _KINDS[name])
        router.add("GET", PathTemplate.parse(template), place, f"route-{place}")
        if kind in (name, None):
            paths.append(path)
    asked = random.Random(4711).choices(paths, k=_ASKED)
    return router.find, ["".join(list(path)) for path in asked]


def _seconds(find: Find, paths: list[str], rounds: int) -> float:
    """Processor time of one match."""
    begin = time.process_time()
    for _ in range(rounds):
        for path in paths:
            find("GET", path)
    return (time.process_time() - begin) / rounds / len(paths)


def router(*, numbers: Sequence[int] = (10, 1000, 10_000), rounds: int = 15) -> Table:
    table = Table(
        "The router, in process",
        {"paths": "", **{f"{n:,} templates, µs": ".2f" for n in numbers}, "largest ratio": ".2f"},
        f"Medians of {rounds} interleaved rounds; {_ASKED} paths, spread over all templates.",
    )
    for kind in _KINDS:
        routers = {number: templates(number, kind) for number in numbers}
        taken: dict[int, list[float]] = {number: [] for number in numbers}
        for _ in range(rounds):
            for number, (find, paths) in routers.items():
                taken[number].append(_seconds(find, paths, 30))
        medians = [median(times) * 1e6 for times in taken.values()]
        table.add(kind, *medians, max(medians) / min(medians))
    return table
