"""The files of an application, checked and read."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import attrs

from bundles.autoload.loading.names import (
    PLACES,
    SERVICE,
    Name,
    is_private,
    problem_of,
    split_unit,
)
from bundles.autoload.loading.source_file import (
    SourceFile,
    UnreadableFileError,
    digest_of,
    is_world_writable,
    read_file,
    signature_of,
)

_NONE: Mapping[str, SourceFile] = MappingProxyType({})


@attrs.frozen
class TreeRules:
    """What is read.

    Attributes:
        mode: the mode of the configuration, see `Tree`.
        file_limit: most bytes of a file that is executed.
        resources_limit: most bytes of all resources.
    """

    mode: str | None
    file_limit: int
    resources_limit: int


@attrs.frozen(eq=False)
class Tree:
    """The files of one moment.

    Attributes:
        files: the files with names, by key, sorted; with a mode, ``config/database.<mode>.py``
            in the place of ``config/database.py``.
        resources: the files of ``resources``, by their path below it.
        names: the key of each name that is a file.
        folders: the names of all namespaces, with the key of their ``__init__.py``.
        problems: everything that must be changed before a file is executed.
    """

    root: Path
    files: Mapping[str, SourceFile]
    resources: Mapping[str, SourceFile]
    names: Mapping[Name, str]
    folders: Mapping[Name, str | None]
    problems: tuple[str, ...]

    def show(self, key: str, line: int | None = None) -> str:
        """Return the path of a file for errors, with its *line*."""
        return f"{self.root / key}" + ("" if line is None else f":{line}")


def scan(
    root: Path,
    rules: TreeRules,
    previous: Tree | None = None,
    changed: frozenset[str] = frozenset(),
) -> Tree:
    """Read the tree below *root*.

    Args:
        previous: the tree of an earlier time: files with the same size and times are not read
            again, except those of *changed*, which are keys.
    """
    return _Scan(root, rules, previous, changed).run()


class _Scan:
    def __init__(
        self, root: Path, rules: TreeRules, previous: Tree | None, changed: frozenset[str]
    ) -> None:
        self._root = root
        self._rules = rules
        self._known: dict[str, SourceFile] = {}
        if previous is not None:
            known = {
                **previous.files,
                **{f"resources/{k}": f for k, f in previous.resources.items()},
            }
            self._known = {key: file for key, file in known.items() if key not in changed}
        self._problems: list[str] = []
        self._real_root = Path(os.path.realpath(root))

    def run(self) -> Tree:
        files: dict[str, SourceFile] = {}
        resources: dict[str, SourceFile] = {}
        if self._check_root() and self._check_places():
            for place in PLACES:
                for file in self._place(place):
                    if place == "resources":
                        resources[file.key.partition("/")[2]] = file
                    else:
                        files[file.key] = file
        self._check_size(resources)
        names, folders = self._name_all(files)
        return Tree(
            self._root,
            MappingProxyType(dict(sorted(files.items()))),
            MappingProxyType(dict(sorted(resources.items()))),
            MappingProxyType(names),
            MappingProxyType(folders),
            tuple(dict.fromkeys(self._problems)),
        )

    def _fail(self, key: str, problem: str) -> None:
        self._problems.append(f"{self._root / key}: {problem}")

    def _check_root(self) -> bool:
        try:
            status = self._real_root.stat()
        except OSError:
            status = None
        if status is None or not self._real_root.is_dir():
            self._problems.append(
                f"the folder {str(self._root)!r} of the application does not exist; create it "
                f"with a folder api, or pass another one: AutoloadBundle(root=…)"
            )
            return False
        if is_world_writable(status):
            self._fail("", "can be written by every user; run chmod o-w on it")
        return True

    def _check_places(self) -> bool:
        """Whether there is a place. A root without one is the wrong folder, or has a mistake."""
        has_place = any((self._real_root / place).is_dir() for place in PLACES)
        if not has_place:
            self._fail("", f"has none of the folders {', '.join(PLACES)}; create one of them")
        return has_place

    def _place(self, place: str) -> Iterator[SourceFile]:
        """Yield the files of *place*; folders are read without recursion."""
        chain: tuple[str, ...] = (str(self._real_root),)
        first: Path | None = self._real_root / place
        if first is not None and first.is_symlink():
            first = self._follow(first, place, chain)
        waiting = [] if first is None or not first.is_dir() else [(first, place, chain)]
        while waiting:
            folder, key, chain = waiting.pop()
            if not self._is_safe(folder, key):
                continue
            below = (*chain, str(folder))
            for entry in self._entries(folder, key):
                inner = f"{key}/{entry.name}"
                if not self._is_read(place, entry.name):
                    continue
                real = self._follow(entry, inner, below) if entry.is_symlink() else entry
                if real is None:
                    continue
                if real.is_dir():
                    waiting.append((Path(real), inner, below))
                elif (name := self._name_of(place, inner)) is not None:
                    file = self._read(Path(real), inner, name)
                    if file is not None:
                        yield file

    def _is_safe(self, folder: Path, key: str) -> bool:
        try:
            status = folder.stat()
        except OSError:
            return False  # deleted since
        if is_world_writable(status):
            self._fail(key, "can be written by every user; run chmod o-w on it")
        return True

    def _entries(self, folder: Path, key: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return []  # deleted since
        except OSError as exc:
            self._fail(key, f"cannot be read: {exc.strerror}")
            return []

    @staticmethod
    def _is_read(place: str, entry: str) -> bool:
        if place == "resources":
            return not entry.startswith(".")
        return (
            not is_private(entry)
            or entry == "__init__.py"
            or (place == "bus" and entry == f"{SERVICE}.py")
        )

    def _follow(self, link: os.PathLike[str], key: str, chain: tuple[str, ...]) -> Path | None:
        """Return where *link* points to; None if it is not used."""
        try:
            real = Path(link).resolve(strict=True)
        except (OSError, RuntimeError):
            self._fail(key, "is a link to a file that does not exist; remove it")
            return None
        if not real.is_relative_to(self._real_root):
            self._fail(key, f"is a link to {real}, outside of the root; copy the file instead")
            return None
        if str(real) in chain:
            self._fail(key, f"is a link to {real}, which contains it; remove it")
            return None
        return real

    def _name_of(self, place: str, key: str) -> Name | None:
        """Return the name of the file; None if it has none and is not read."""
        folders, _, entry = key.rpartition("/")
        stem, _, suffix = entry.rpartition(".")
        if place == "resources":
            return ("resources", *key.split("/")[1:])
        if suffix != "py" and not (place == "config" and suffix == "toml"):
            return None
        name = folders.split("/")
        if place == "config" and "." in stem:
            stem, _, mode = stem.partition(".")
            if mode != self._rules.mode:
                return None
        if stem not in ("__init__", SERVICE):
            name.append(stem)
        if not self._check_names(place, key, name[1:]):
            return None
        return (*name, SERVICE) if stem == SERVICE else tuple(name)

    def _check_names(self, place: str, key: str, names: list[str]) -> bool:
        if place == "api":
            return self._check_unit(key, names)
        problems = [problem for name in names if (problem := problem_of(name))]
        for problem in problems:
            self._fail(key, problem)
        return not problems

    def _check_unit(self, key: str, names: list[str]) -> bool:
        if len(names) > 2:
            self._fail(key, "a unit of api has no folders; write api/<unit>/<method>.py")
            return False
        for index, name in enumerate(names):
            unit = split_unit(name) if index == 0 else (name, 1)
            if unit is None:
                self._fail(
                    key,
                    f"{name!r} has a version that is not a whole number from 1; write "
                    f"{name.partition('.')[0]}.2",
                )
                return False
            if (problem := problem_of(unit[0])) is not None:
                self._fail(key, problem)
                return False
        return True

    def _read(self, path: Path, key: str, name: Name) -> SourceFile | None:
        limit = self._rules.resources_limit if name[0] == "resources" else self._rules.file_limit
        try:
            known = self._known.get(key)
            if known is not None and known.signature == signature_of(path.lstat()):
                return known
            content, signature = read_file(path, limit)
        except FileNotFoundError:
            return None  # deleted since
        except UnreadableFileError as exc:
            self._fail(key, str(exc))
            return None
        return SourceFile(key, self._real_root / key, name, signature, digest_of(content), content)

    def _check_size(self, resources: Mapping[str, SourceFile]) -> None:
        size = sum(len(file.content) for file in resources.values())
        if size > self._rules.resources_limit:
            self._fail(
                "resources",
                f"has {size} bytes, which are kept in memory; the limit is "
                f"{self._rules.resources_limit} (autoload.resources_limit); move large files to "
                f"static",
            )

    def _name_all(
        self, files: dict[str, SourceFile]
    ) -> tuple[dict[Name, str], dict[Name, str | None]]:
        """Return the files and the folders by name. A file of the mode replaces the other one."""
        folders: dict[Name, str | None] = {}
        names: dict[Name, str] = {}
        for key in sorted(files):
            file = files[key]
            is_init = file.stem == "__init__"
            parents = file.name if is_init else file.name[:-1]
            for length in range(1, len(parents) + 1):
                folders.setdefault(parents[:length], None)
            if is_init:
                folders[file.name] = key
            else:
                self._add_name(files, names, file)
        for name in sorted(names.keys() & folders.keys()):
            self._fail(
                names[name], "the folder of the same name exists too; remove one of the two"
            )
        return names, folders

    def _add_name(
        self, files: dict[str, SourceFile], names: dict[Name, str], file: SourceFile
    ) -> None:
        other = names.get(file.name)
        if other is None:
            names[file.name] = file.key
            return
        old, new = (
            ("." in files[key].stem) if key in files else False for key in (other, file.key)
        )
        if file.place != "config" or old == new:
            self._fail(file.key, f"{self._root / other} has the same name; remove one of the two")
            return
        replaced, kept = (other, file.key) if new else (file.key, other)
        names[file.name] = kept
        del files[replaced]
