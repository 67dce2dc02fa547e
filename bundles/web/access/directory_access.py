"""The access of a directory, merged from its access file and those above it."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

import attrs

from bundles.security import AddressLimit

LOCAL = "local"
"""The group of the clients on this machine."""

REALM = "Restricted"


@attrs.frozen
class DirectoryAccess:
    """The clients that may request a directory. Every condition must hold.

    Attributes:
        guests, logged: whether clients without a login, and users who are logged in, may request
            it.
        http, https: whether that scheme may be used.
        groups: for each list, the client must have one of the roles, or be local if the list has
            ``local``.
        intro, index: whether the page with the handlers, and the list of files, are shown.
        virtual: whether the handlers also serve paths below that do not exist.
        auth: the password of the directory, as ``user:password``; None: no password.
        realm: shown by a browser in the dialog for the password.
        hosts: the hosts of ``http.allowed_hosts``, by which a local client may request it; names
            and addresses of this machine are always allowed.
        failures: counts wrong passwords.
    """

    guests: bool = True
    logged: bool = True
    http: bool = True
    https: bool = True
    groups: tuple[frozenset[str], ...] = ()
    intro: bool = False
    index: bool = False
    virtual: bool = False
    auth: str | None = attrs.field(default=None, repr=False)
    realm: str = REALM
    hosts: tuple[str, ...] = ()
    failures: AddressLimit | None = attrs.field(default=None, eq=False, repr=False)

    def merged(self, values: Mapping[str, Any]) -> Self:
        """Return the access of a directory below, whose file sets *values*.

        A value replaces that of this directory, except for ``groups``: a list below is a further
        condition, since a list for editors must not open a directory of administrators to them. An
        empty list removes all conditions: a mistake would not be written like this.
        """
        changes = dict(values)
        if (groups := changes.get("groups")) is not None:
            own = frozenset(groups)
            changes["groups"] = (
                (*self.groups, own)
                if own and own not in self.groups
                else (self.groups if own else ())
            )
        return attrs.evolve(self, **changes)

    @property
    def roles(self) -> frozenset[str]:
        """All roles of the groups."""
        return frozenset().union(*self.groups) - {LOCAL}

    @property
    def has_local(self) -> bool:
        return any(LOCAL in group for group in self.groups)

    @property
    def needs_role(self) -> bool:
        """Whether a role is needed, even for local clients."""
        return any(LOCAL not in group for group in self.groups)

    @property
    def needs_user(self) -> bool:
        """Whether only users who are logged in may request it."""
        return not self.guests or self.needs_role

    @property
    def is_open(self) -> bool:
        """Whether every client may request it."""
        return self == attrs.evolve(
            DirectoryAccess(),
            intro=self.intro,
            index=self.index,
            virtual=self.virtual,
            realm=self.realm,
            hosts=self.hosts,
        )

    def implies(self, other: "DirectoryAccess") -> bool:
        """Whether *other* admits every client that this access admits."""
        asks_others = other.auth is not None and (
            other.auth != self.auth or (self.has_local and not other.has_local)
        )
        flags = ("guests", "logged", "http", "https")
        has_flags = all(getattr(other, name) or not getattr(self, name) for name in flags)
        return has_flags and not asks_others and {*other.groups} <= {*self.groups}

    def problems(self) -> Iterator[str]:
        """Yield the conflicts because of which no client may request it."""
        if not (self.guests or self.logged):
            yield "guests and logged are False, so no client may request it; set one to True"
        if not (self.http or self.https):
            yield "http and https are False, so no client may request it; set one to True"
        if not self.logged and self.needs_role:
            yield (
                "logged is False, but only users have one of its groups, so no client may request "
                "it; remove logged or groups"
            )
