"""The access of directories as rules of the bundle security."""

import attrs

from bundles.security import Access
from bundles.web.access.access_gate import AccessGate
from bundles.web.access.directory_access import DirectoryAccess


def rule_of(access: DirectoryAccess) -> Access:
    """Return the rule of a directory. Conditions that a level and roles can express use these, so
    that documents and the access matrix show them; the others become a gate."""
    rule = Access("authenticated" if access.needs_role or not access.guests else "public")
    if _is_plain(access):
        return attrs.evolve(rule, roles=access.roles)
    return attrs.evolve(rule, gate=AccessGate(access))


def _is_plain(access: DirectoryAccess) -> bool:
    has_lists = access.has_local or len(access.groups) > 1
    return access.logged and access.http and access.https and not access.auth and not has_lists
