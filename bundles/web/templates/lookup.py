"""Finds the template file for a name in a directory."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from bundles.web.directory_paths import above, upwards
from bundles.web.templates.template_file import EVERYONE, TemplateFile

Audience = tuple[str | None, ...]
"""The groups whose files a client sees, in the order of priority; None for files without a
group."""

GUEST: Audience = (None,)


NEXT = ">"
"""Separates the key of a file and a name: the next file with that name after this file."""


class Lookup:
    """The files of a tree, by directory and name.

    A directory sees its own files and those of the directories above; the nearest file is used. In
    each directory, the files for a user's groups come first, in alphabetical order, then those for
    all users who are logged in, then those for all clients.
    """

    def __init__(self, files: Iterable[TemplateFile]) -> None:
        self.files: Mapping[str, TemplateFile] = {file.key: file for file in files}
        self._places = {(f.directory, f.base, f.group): f for f in self.files.values()}
        self._groups = frozenset(f.group for f in self.files.values() if f.group) - {EVERYONE}
        self._directories = frozenset(f.directory for f in self.files.values())

    def audience(self, groups: Collection[str] | None) -> Audience:
        """Return the audience of a user with *groups*; None is a guest. Groups without files are
        left out, so that there are few audiences."""
        if groups is None:
            return GUEST
        return (*sorted(self._groups.intersection(groups)), EVERYONE, None)

    def nearest(self, directory: str) -> str:
        """Return *directory* if it has templates; else the nearest one above that has, or the
        root."""
        while directory and directory not in self._directories:
            directory = above(directory)
        return directory

    def first(self, directory: str, audience: Audience, *names: str) -> TemplateFile | None:
        """Return the nearest file that *directory* sees under one of *names*.

        A name is ``menu``, or ``menu.jinja`` for that kind only; ``parts/menu`` is looked up in
        the folder ``parts`` of each directory, ``/menu`` in the root only.
        """
        key, _, name = names[0].rpartition(NEXT)
        if not key:
            return next(self._found(directory, audience, names), None)
        found = self._found(directory, audience, (name,))
        return next((file for file in found if file.key == key), None) and next(found, None)

    def _found(
        self, directory: str, audience: Audience, names: tuple[str, ...]
    ) -> Iterator[TemplateFile]:
        for place in upwards(directory):
            for name in names:
                yield from self._in(place, audience, name)

    def names_below(self, directory: str) -> set[str]:
        """Return the names that *directory*, or a directory below it, sees."""
        return {
            f.base
            for f in self.files.values()
            if _is_within(f.directory, directory) or _is_within(directory, f.directory)
        }

    def is_seen_below(self, directory: str, name: str) -> bool:
        """Return whether *directory*, or a directory below it, sees a file under *name*, for any
        group."""
        below = (d for d in self._directories if _is_within(d, directory))
        audience = (*self._groups, EVERYONE, None)
        return any(self.first(seer, audience, name) for seer in (directory, *below))

    def _in(self, directory: str, audience: Audience, name: str) -> Iterator[TemplateFile]:
        folder, _, last = name.rpartition("/")
        if name.startswith("/") and directory:
            return
        place = f"{directory}/{folder.strip('/')}".rstrip("/")
        base, _, kind = last.partition(".")
        for group in audience:
            file = self._places.get((place, base, group))
            if file is not None and kind in ("", file.kind):
                yield file


def _is_within(directory: str, other: str) -> bool:
    return not other or directory == other or directory.startswith(f"{other}/")
