"""The order in which bundles are set up: each after those in ``requires`` and ``after``."""

from collections.abc import Collection, Iterator, Mapping

from rxkernel.application.bundle_rules import BundleOrClass
from rxkernel.exceptions import ConfigurationError


def in_order(
    found: Mapping[str, BundleOrClass], failed: Collection[str] = ()
) -> list[BundleOrClass]:
    """The bundles of *found*, by name, in the order in which they are set up.

    Bundles keep their order where nothing else is required. The names in *failed* are enabled
    but broken: a bundle that requires one of them is not reported as a second problem.

    Raises:
        ConfigurationError: with every required bundle that is missing and every circle.
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
    problems += order.circles
    if problems:
        raise ConfigurationError(*problems)
    return [found[name] for name in order.placed]


class _Order:
    """Visits the bundles before each bundle; a visit of the same bundle again is a circle."""

    def __init__(self, found: Mapping[str, BundleOrClass]) -> None:
        self.placed: dict[str, None] = {}
        self.circles: list[str] = []
        self._found = found

    def place(self, name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " → ".join((*path[path.index(name) :], name))
            self.circles.append(
                f"bundles come after each other in a circle: {circle}; remove one of these names "
                f"from requires or after"
            )
        elif name not in self.placed:
            for earlier in self._before(name):
                self.place(earlier, (*path, name))
            self.placed[name] = None

    def _before(self, name: str) -> Iterator[str]:
        bundle = self._found[name]
        names = dict.fromkeys((*bundle.requires, *bundle.after))
        return (earlier for earlier in names if earlier in self._found)
