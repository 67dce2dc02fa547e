"""The order in which bundles are set up: each after those in ``requires`` and ``after``."""

from collections.abc import Collection, Iterator, Mapping

from rxkernel.application.bundle_rules import BundleOrClass
from rxkernel.exceptions import ConfigurationError


def in_order(
    found: Mapping[str, BundleOrClass], failed: Collection[str] = ()
) -> list[BundleOrClass]:
    """Return the bundles of *found*, a mapping by name, in the order in which they are set up.

    Bundles keep their order unless another one is required. The bundles in *failed* are enabled
    but could not be loaded: a bundle that requires one of them is not a second problem.

    Raises:
        ConfigurationError: with every required bundle that is missing, and every cycle.
    """
    problems = [
        f"bundle {name!r} requires {needed!r}; add it: bundles=[…, {needed!r}]"
        for name, bundle in found.items()
        for needed in bundle.requires
        if needed not in found and needed not in failed
    ]
    order = _Order(found)
    for name in found:
        order.place(name, ())
    problems += order.cycles
    if problems:
        raise ConfigurationError(*problems)
    return [found[name] for name in order.placed]


class _Order:
    """Visits the bundles before each bundle; a second visit of a bundle on a path is a cycle."""

    def __init__(self, found: Mapping[str, BundleOrClass]) -> None:
        self.placed: dict[str, None] = {}
        self.cycles: list[str] = []
        self._found = found

    def place(self, name: str, path: tuple[str, ...]) -> None:
        if name in path:
            cycle = " → ".join((*path[path.index(name) :], name))
            self.cycles.append(
                f"the order of bundles has a cycle: {cycle}; remove one of these names from "
                f"requires or after"
            )
        elif name not in self.placed:
            for earlier in self._before(name):
                self.place(earlier, (*path, name))
            self.placed[name] = None

    def _before(self, name: str) -> Iterator[str]:
        bundle = self._found[name]
        names = dict.fromkeys((*bundle.requires, *bundle.after))
        return (earlier for earlier in names if earlier in self._found)
