"""The access of paths below a directory, which are those of files or of virtual handlers."""

from typing import Any

import attrs

from bundles.security import Access, Gate, Token
from bundles.web.access.access_gate import AccessGate
from bundles.web.access.access_rules import rule_of
from bundles.web.access.access_tree import AccessTree, Directory
from bundles.web.access.directory_access import DirectoryAccess
from rxkernel import NotFoundException, Request

_DOTS = frozenset((".", ".."))


@attrs.frozen(eq=False)
class TreeGate(Gate):
    """Decides by the deepest directory of the path that has an access file.

    Without it, ``/docs/{path:path}`` would serve ``/docs/secret/a.txt`` by the rule of ``/docs``.
    A path with a part ``.`` or ``..`` is 404: it could be resolved to a path of another directory.

    Attributes:
        parameter: that of the route with the path below *directory*.
    """

    tree: AccessTree
    directory: Directory
    parameter: str
    _gates: dict[DirectoryAccess, AccessGate] = attrs.field(factory=dict, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        for access in (DirectoryAccess(), *self.tree.directories.values()):
            self._gates[access] = AccessGate(access)

    def reads_basic(self, request: Request) -> bool:
        return self._gate(request).reads_basic(request)

    def admits(self, token: Token[Any], request: Request) -> bool:
        path = request.params.get(self.parameter, "")
        if not _DOTS.isdisjoint(path.split("/")):
            raise NotFoundException
        return self._gate(request).admits(token, request)

    def _gate(self, request: Request) -> AccessGate:
        path = "/".join((*self.directory, request.params.get(self.parameter, "")))
        return self._gates[self.tree.of_path(path)]

    def __str__(self) -> str:
        below = sorted(self.tree.below(self.directory), key=lambda item: item[0])
        rules = [("/".join(names), rule_of(access)) for names, access in below]
        own = rule_of(self.tree.of_directory(self.directory))
        return "; ".join((repr(own), *(f"/{path}: {rule!r}" for path, rule in rules)))


def rule_below(tree: AccessTree, directory: Directory, parameter: str) -> Access:
    """Return the rule of a route for the paths below *directory*, which are its *parameter*.

    Where no directory below has an access file, it is the rule of *directory* itself.
    """
    if not any(True for _ in tree.below(directory)):
        return rule_of(tree.of_directory(directory))
    return attrs.evolve(rule_of(DirectoryAccess()), gate=TreeGate(tree, directory, parameter))
