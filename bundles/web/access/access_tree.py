"""The access of every directory of the tree."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Self

import attrs

from bundles.security import AddressLimit
from bundles.web.access.access_file import AccessFile
from bundles.web.access.directory_access import LOCAL, DirectoryAccess

Directory = tuple[str, ...]
"""The names of a directory below ``app``; empty for ``app`` itself."""

_OPEN = DirectoryAccess()

_SLASHES = re.compile("/{2,}")


@attrs.frozen
class TreeProblem:
    """The reason why a directory cannot be served, and the line of its access file, if known."""

    directory: Directory
    line: int | None
    text: str


@attrs.frozen(eq=False)
class AccessTree:
    """The access of the directories that have an access file; others have that of their parent.

    Attributes:
        directories: the merged access, by directory.
        problems: unknown roles, and directories that no client may request.
    """

    directories: Mapping[Directory, DirectoryAccess] = attrs.field(factory=dict)
    problems: tuple[TreeProblem, ...] = ()
    _exact: Mapping[str, DirectoryAccess] = attrs.field(init=False, repr=False)
    _folded: Mapping[str, DirectoryAccess] = attrs.field(init=False, repr=False)
    _depth: int = attrs.field(init=False, repr=False)

    @_exact.default
    def _by_path(self) -> dict[str, DirectoryAccess]:
        return {"/".join(names): access for names, access in self.directories.items()}

    @_folded.default
    def _by_folded_path(self) -> dict[str, DirectoryAccess]:
        return {_fold(path): access for path, access in self._exact.items()}

    @_depth.default
    def _depth_of_directories(self) -> int:
        return max(map(len, self.directories), default=0)

    @classmethod
    def of(
        cls,
        files: Mapping[Directory, AccessFile],
        roles: Collection[str] = (),
        hosts: Iterable[str] = (),
        failures: AddressLimit | None = None,
    ) -> Self:
        """Merge *files*, the parents first.

        Args:
            roles: the existing roles; empty: they are not checked.
            hosts, failures: see `DirectoryAccess`.
        """
        names = tuple(hosts)
        found: dict[Directory, DirectoryAccess] = {}
        problems: list[TreeProblem] = []
        for directory in sorted(files, key=len):
            file = files[directory]
            above = attrs.evolve(_above(found, directory), hosts=names, failures=failures)
            access = found[directory] = above.merged(file.values)
            unknown = _unknown_roles(file.values.get("groups", ()), roles)
            problems += [TreeProblem(directory, file.lines.get("groups"), p) for p in unknown]
            problems += [TreeProblem(directory, None, text) for text in access.problems()]
        return cls(found, tuple(problems))

    def of_directory(self, directory: Directory) -> DirectoryAccess:
        """Return the access of *directory*."""
        return _above(self.directories, (*directory, ""))

    def of_path(self, path: str) -> DirectoryAccess:
        """Return the access for *path*, decoded and relative to ``app``: the access of the deepest
        directory in it that has an access file.

        A name that differs only in case is used if no other matches: on the file systems of macOS
        and Windows ``/ADMIN/a.txt`` is a file of ``admin``. Several slashes count as one. The part
        ``..`` is a name like any other, see `TreeGate`. Names that are deeper than every access
        file are not read: a client may send thousands of them.
        """
        if "//" in path or path[:1] == "/":
            path = _SLASHES.sub("/", path).removeprefix("/")
        found = self._exact.get("", _OPEN)
        end = 0
        for _ in range(self._depth):
            end = path.find("/", end + 1)
            part = path if end == -1 else path[:end]
            found = self._exact.get(part) or self._folded.get(_fold(part)) or found
            if end == -1:
                break
        return found

    def below(self, directory: Directory) -> Iterator[tuple[Directory, DirectoryAccess]]:
        """Yield the directories below *directory* that have an access file."""
        for names, access in self.directories.items():
            if len(names) > len(directory) and names[: len(directory)] == directory:
                yield names, access


def _above(found: Mapping[Directory, DirectoryAccess], directory: Directory) -> DirectoryAccess:
    """Return the access of the nearest directory above *directory* that has an access file."""
    for length in range(len(directory) - 1, -1, -1):
        if (access := found.get(directory[:length])) is not None:
            return access
    return _OPEN


def _fold(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _unknown_roles(groups: Iterable[str], roles: Collection[str]) -> Iterator[str]:
    if not roles:
        return
    for group in sorted(groups):
        if group != LOCAL and group not in roles:
            near = get_close_matches(group, sorted(roles), n=1)
            hint = f"did you mean {near[0]!r}?" if near else "add it there"
            yield (
                f"groups has {group!r}, which is not one of security.roles "
                f"({', '.join(sorted(roles))}); {hint}"
            )
