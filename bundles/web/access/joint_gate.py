"""The access of several directories, which must all admit a client."""

from collections.abc import Iterable
from typing import Any

import attrs

from bundles.security import Access, Gate, Token
from bundles.web.access.access_gate import AccessGate
from bundles.web.access.access_rules import rule_of
from bundles.web.access.directory_access import DirectoryAccess
from rxkernel import Request


@attrs.frozen
class HandlerAccess:
    """The access of the directory of a handler, which has *path*."""

    path: str
    access: DirectoryAccess

    def __str__(self) -> str:
        return f"handler of {self.path or '/'}: {rule_of(self.access)!r}"


@attrs.frozen(eq=False)
class JointGate(Gate):
    """Checks the access *own* of the URL's directory, and the access of its *handlers*."""

    own: DirectoryAccess
    handlers: tuple[HandlerAccess, ...]
    _gates: tuple[AccessGate, ...] = attrs.field(init=False, repr=False)

    @_gates.default
    def _gates_of_all(self) -> tuple[AccessGate, ...]:
        return tuple(map(AccessGate, (self.own, *(each.access for each in self.handlers))))

    def reads_basic(self, request: Request) -> bool:
        return any(gate.reads_basic(request) for gate in self._gates)

    def admits(self, token: Token[Any], request: Request) -> bool:
        return all(gate.admits(token, request) for gate in self._gates)

    def __str__(self) -> str:
        return "; ".join((repr(rule_of(self.own)), *map(str, self.handlers)))


def joint_rule(own: DirectoryAccess, handlers: Iterable[HandlerAccess]) -> Access:
    """Return the rule of a route of a directory with the access *own*."""
    more = added_by(own, handlers)
    if not more:
        return rule_of(own)
    return attrs.evolve(rule_of(DirectoryAccess()), gate=JointGate(own, more))


def added_by(own: DirectoryAccess, handlers: Iterable[HandlerAccess]) -> tuple[HandlerAccess, ...]:
    """Return those of *handlers* that refuse a client whom *own* admits."""
    return tuple(each for each in handlers if not own.implies(each.access))
