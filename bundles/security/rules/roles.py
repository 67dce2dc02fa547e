"""The role hierarchy."""

from collections.abc import Iterable, Mapping

from rxkernel import ConfigurationError


class RoleHierarchy:
    """Adds the roles that the roles of a user contain.

    Args:
        roles: as the setting ``security.roles``.

    Attributes:
        known: every role of the hierarchy; empty if the setting is empty.

    Raises:
        ConfigurationError: a role contains itself.
    """

    def __init__(self, roles: Mapping[str, Iterable[str]]) -> None:
        self._direct = {role: frozenset(below) for role, below in roles.items()}
        self.known = frozenset(self._direct).union(*self._direct.values())
        self._all = {role: self._below(role, ()) for role in self._direct}

    def _below(self, role: str, above: tuple[str, ...]) -> frozenset[str]:
        if role in above:
            chain = " > ".join((*above[above.index(role) :], role))
            raise ConfigurationError(
                f"security.roles: a role contains itself: {chain}; remove one of these"
            )
        found = {role}
        for below in self._direct.get(role, ()):
            found |= self._below(below, (*above, role))
        return frozenset(found)

    def expand(self, roles: Iterable[str]) -> frozenset[str]:
        """*roles* and all that they contain.

        Raises:
            TypeError: *roles* is a text: its letters would be the roles.
        """
        if isinstance(roles, str):
            raise TypeError(f"roles() returned the str {roles!r}; return a list or a set of str")
        own = frozenset(roles)
        if not self._all:
            return own
        return own.union(*(self._all[role] for role in own if role in self._all))
