"""Reads the files of an application, and rejects unsafe ones."""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType

from bundles.autoload.loading.file_names import (
    OTHER_FORMATS,
    BadNameError,
    is_almost_of_mode,
    name_in,
    name_of,
)
from bundles.autoload.loading.files_by_name import FilesByName
from bundles.autoload.loading.name_rules import INIT, SERVICE, is_private
from bundles.autoload.loading.place_names import (
    CERTIFICATE_FILES,
    DATA_FOLDERS,
    OTHER_FOLDERS,
    PLACES,
    SECRET_PLACES,
)
from bundles.autoload.loading.source_file import (
    SourceFile,
    TooLargeError,
    UnreadableFileError,
    digest_of,
    is_world_writable,
    read_file,
    signature_of,
)
from bundles.autoload.loading.tree import Tree, TreeRules

_SITE = "app"
"""A place of the bundle web, which `create_application` adds if this folder exists."""


def scan(
    root: Path,
    rules: TreeRules,
    previous: Tree | None = None,
    changed: frozenset[str] = frozenset(),
) -> Tree:
    """Read the tree below *root*.

    Args:
        previous: an earlier tree: files with the same size and times are not read again, except
            those in *changed*, which are keys.
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
            resources = {file.key: file for file in previous.resources.values()}
            known = {**previous.files, **resources}
            self._known = {key: file for key, file in known.items() if key not in changed}
        self._problems: list[str] = []
        self._warnings: list[str] = []
        self._resources_left = rules.resources_limit
        self._real_root = Path(os.path.realpath(root))
        self._places = (*PLACES, *rules.places)

    def run(self) -> Tree:
        files: dict[str, SourceFile] = {}
        resources: dict[str, SourceFile] = {}
        if self._check_root() and self._check_places():
            self._check_other_folders()
            for place in self._places:
                found = resources if place == "resources" else files
                for file in self._place(place):
                    found[file.key] = file
        table = FilesByName(files, self._fail)
        return Tree(
            self._root,
            MappingProxyType(dict(sorted(files.items()))),
            MappingProxyType({key.partition("/")[2]: resources[key] for key in sorted(resources)}),
            MappingProxyType(table.names),
            MappingProxyType(table.folders),
            tuple(dict.fromkeys(self._problems)),
            tuple(self._warnings),
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
                f"with a folder api or app, or write another one in create_application(…) or "
                f"AutoloadBundle(…); a relative path begins at the working directory"
            )
            return False
        if is_world_writable(status):
            self._fail("", "can be written by every user; run chmod o-w on it")
        return True

    def _check_places(self) -> bool:
        """Return whether there is a place. A root without places is probably the wrong folder."""
        has_place = any((self._real_root / place).is_dir() for place in self._places)
        if not has_place:
            site = "" if _SITE in self._places else f", or {_SITE} of the bundle web"
            folders = f"{', '.join(self._places)}{site}"
            self._fail("", f"must have one of the folders {folders}; create one")
        self._warn_of_typos()
        return has_place

    def _warn_of_typos(self) -> None:
        """Warn about folders with names similar to places, which are probably mistakes."""
        known = (*self._places, *OTHER_FOLDERS, *DATA_FOLDERS)
        for entry in self._entries(self._real_root, ""):
            if entry.name in known or is_private(entry.name) or not entry.is_dir():
                continue
            if near := get_close_matches(entry.name.lower(), known, n=1, cutoff=0.8):
                self._warn(entry.name, f"did you mean {near[0]}?")

    def _warn_of_other_configuration(self, place: str, key: str) -> None:
        """Warn about configuration files in formats that are not read, and about files for modes
        with a name similar to the current one."""
        if place != "config":
            return
        if key.endswith(OTHER_FORMATS):
            self._warn(key, f"write Python or TOML: {Path(key).stem}.toml")
        elif is_almost_of_mode(key, self._rules.mode):
            self._warn(key, f"the mode is {self._rules.mode!r}")

    def _warn(self, key: str, hint: str) -> None:
        self._warnings.append(f"{self._root / key} is not loaded; {hint}")

    def _check_other_folders(self) -> None:
        """Check the folders whose files are not loaded, and the folders of certificates.

        The files of `static` are checked when they are sent. Links in `cert` may point outside of
        the root, since programs that renew certificates make such links.
        """
        for name in OTHER_FOLDERS:
            folder = self._folder_of(name)
            if folder is None or not self._is_safe(folder, name) or name != "cert":
                continue
            for entry in self._entries(folder, name):
                for path in (Path(entry), *(Path(entry) / file for file in CERTIFICATE_FILES)):
                    self._is_safe(path, f"{name}/{path.relative_to(folder).as_posix()}")

    def _folder_of(self, name: str) -> Path | None:
        """Return the folder *name* of the root, or the target of a link with this name; None if it
        does not exist, or must not be used."""
        folder: Path | None = self._real_root / name
        if folder is not None and folder.is_symlink():
            folder = self._follow(folder, name, (str(self._real_root),))
        return folder if folder is not None and folder.is_dir() else None

    def _place(self, place: str) -> Iterator[SourceFile]:
        """Yield the files of *place*; folders are read without recursion."""
        chain: tuple[str, ...] = (str(self._real_root),)
        first = self._folder_of(place)
        waiting = [] if first is None else [(first, place, chain)]
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
                elif (file := self._read(Path(real), inner, place)) is not None:
                    yield file

    def _is_safe(self, folder: Path, key: str) -> bool:
        try:
            status = folder.stat()
        except OSError:
            return False  # deleted meanwhile
        if is_world_writable(status):
            self._fail(key, "can be written by every user; run chmod o-w on it")
        return True

    def _entries(self, folder: Path, key: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return []  # deleted meanwhile
        except OSError as exc:
            self._fail(key, f"cannot be read: {exc.strerror}")
            return []

    def _is_read(self, place: str, entry: str) -> bool:
        if place in self._rules.places:
            return not entry.startswith(".") and entry != "__pycache__"
        if place == "resources":
            return not entry.startswith(".")
        return (
            not is_private(entry)
            or entry == f"{INIT}.py"
            or (place == "bus" and entry == f"{SERVICE}.py")
        )

    def _follow(self, link: os.PathLike[str], key: str, chain: tuple[str, ...]) -> Path | None:
        """Return the target of *link*; None if it must not be used."""
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
        for folder in real.parents[: len(real.parents) - len(self._real_root.parents) - 1]:
            self._is_safe(folder, str(folder.relative_to(self._real_root)))
        return real

    def _read(self, path: Path, key: str, place: str) -> SourceFile | None:
        """Return the file; None if it is not read."""
        rules = self._rules
        limit = self._resources_left if place == "resources" else rules.file_limit
        try:
            reads = rules.places.get(place)
            name = name_of(place, key, rules.mode) if reads is None else name_in(key, reads)
            if name is None:
                self._warn_of_other_configuration(place, key)
                return None
            known = self._known.get(key)
            if known is not None and known.signature == signature_of(path.lstat()):
                self._count(place, known.content)
                return known
            content, signature = read_file(path, limit)
            self._count(place, content)
        except FileNotFoundError:
            return None  # deleted meanwhile
        except TooLargeError as exc:
            self._fail(key, self._too_large(place, exc.size))
            return None
        except (BadNameError, UnreadableFileError) as exc:
            self._fail(key, str(exc))
            return None
        is_secret = place in SECRET_PLACES or path.name in rules.secret_files
        where, digest = self._real_root / key, digest_of(content)
        return SourceFile(key, where, name, signature, digest, content, is_secret)

    def _too_large(self, place: str, size: int) -> str:
        rules = self._rules
        if place == "resources":
            return (
                f"has {size} bytes; all resources together may have {rules.resources_limit}, as "
                f"they are kept in memory (autoload.resources_limit); move large files to static"
            )
        return f"has {size} bytes, the limit is {rules.file_limit} (autoload.file_limit)"

    def _count(self, place: str, content: bytes) -> None:
        if place == "resources":
            self._resources_left -= len(content)
