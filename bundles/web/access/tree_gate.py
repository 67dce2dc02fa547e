"""The access of paths below a directory: of files, and of virtual handlers."""

from typing import Any

import attrs

from bundles.security import Access, Gate, Token, Unauthenticated
from bundles.web.access.access_rules import rule_of
from bundles.web.access.access_tree import AccessTree, Directory
from bundles.web.access.directory_access import DirectoryAccess
from bundles.web.access.joint_gate import HandlerAccess, JointGate, added_by, joint_rule
from bundles.web.access.path_readings import other_readings
from rxkernel import ForbiddenException, NotFoundException, Request

_DOTS = frozenset((".", ".."))


@attrs.frozen(eq=False)
class TreeGate(Gate):
    """Checks the access of the deepest directory of the path that has an access file.

    Without it, ``/docs/{path:path}`` would serve ``/docs/secret/a.txt`` by the rule of ``/docs``.
    If the path may be read as other paths, see `other_readings`, all of them must be allowed. A
    path with a part ``.`` or ``..`` is 404: it could be resolved to a path of another directory.

    Attributes:
        parameter: the parameter of the route with the path below *directory*.
        handlers: the access of the directories whose handlers are called, which must admit the
            client too: an open directory must not open the handler of a directory above.
        has_files: whether the route also sends files, for which *handlers* are not checked. Then
            `check_handlers` checks them.
    """

    tree: AccessTree
    directory: Directory
    parameter: str
    handlers: tuple[HandlerAccess, ...] = ()
    has_files: bool = True
    _of_files: dict[DirectoryAccess, JointGate] = attrs.field(init=False, repr=False)
    _of_handlers: dict[DirectoryAccess, JointGate] = attrs.field(init=False, repr=False)

    @_of_files.default
    def _gates_of_files(self) -> dict[DirectoryAccess, JointGate]:
        every = (DirectoryAccess(), *self.tree.directories.values())
        return {access: JointGate(access, ()) for access in every}

    @_of_handlers.default
    def _gates_of_handlers(self) -> dict[DirectoryAccess, JointGate]:
        return {
            access: JointGate(access, added_by(access, self.handlers)) for access in self._of_files
        }

    def reads_basic(self, request: Request) -> bool:
        return self._of_handlers[self._access(request)].reads_basic(request)

    def admits(self, token: Token[Any], request: Request) -> bool:
        gates = self._of_files if self.has_files else self._of_handlers
        path = request.params.get(self.parameter, "")
        if not gates[self._access_of(path)].admits(token, request):
            return False
        others = map(self._access_of, other_readings(path))
        if not all(gates[access].admits(token, request) for access in others):
            return False
        if not _DOTS.isdisjoint(path.split("/")):
            raise NotFoundException  # after the access: the page of the error may be protected
        return True

    def check_handlers(self, request: Request, path: str) -> None:
        """Return if the client may call the handlers for *path*, the parameter, which has no file.

        Raises:
            HttpException: 401 or 403.
        """
        gate = self._of_handlers[self._access_of(path)]
        if gate.handlers and not gate.admits(request.token, request):
            raise ForbiddenException if request.token.is_authenticated else Unauthenticated

    def _access(self, request: Request) -> DirectoryAccess:
        return self._access_of(request.params.get(self.parameter, ""))

    def _access_of(self, path: str) -> DirectoryAccess:
        return self.tree.of_path("/".join((*self.directory, path)))

    def __str__(self) -> str:
        below = sorted(self.tree.below(self.directory), key=lambda item: item[0])
        rules = [("/".join(names), rule_of(access)) for names, access in below]
        own = rule_of(self.tree.of_directory(self.directory))
        parts = (repr(own), *(f"/{path}: {rule!r}" for path, rule in rules))
        return "; ".join((*parts, *map(str, self.handlers)))


def rule_below(
    tree: AccessTree,
    directory: Directory,
    parameter: str,
    handlers: tuple[HandlerAccess, ...] = (),
    *,
    has_files: bool = True,
) -> Access:
    """Return the rule of a route for the paths below *directory*, which are its *parameter*; see
    `TreeGate`.

    If all paths and handlers have the same access, it is the rule of *directory* itself.
    """
    own = tree.of_directory(directory)
    below = [access for _, access in tree.below(directory)]
    handlers = tuple(
        each for each in handlers if any(added_by(access, (each,)) for access in (own, *below))
    )
    if not below and not (has_files and added_by(own, handlers)):
        return joint_rule(own, handlers)
    gate = TreeGate(tree, directory, parameter, handlers, has_files)
    return attrs.evolve(rule_of(DirectoryAccess()), gate=gate)
