"""Maps names to files."""

from collections.abc import Callable

from bundles.autoload.loading.name_rules import INIT, Name
from bundles.autoload.loading.source_file import SourceFile

Report = Callable[[str, str], None]
"""Called with the key of a file and its error."""


class FilesByName:
    """The names of files, and of the folders above them.

    ``config/database.<mode>.py`` replaces the file without a mode, also in *files*.

    Attributes:
        names: the key of each name that is a file.
        folders: the names of all namespaces, with the key of their ``__init__.py``.
    """

    def __init__(self, files: dict[str, SourceFile], report: Report) -> None:
        self.names: dict[Name, str] = {}
        self.folders: dict[Name, str | None] = {}
        self._files = files
        self._report = report
        for key in sorted(files):
            self._add(files[key])
        for name in sorted(self.names.keys() & self.folders.keys()):
            report(
                self.names[name], "the folder of the same name exists too; remove one of the two"
            )

    def _add(self, file: SourceFile) -> None:
        is_init = file.stem == INIT
        parents = file.name if is_init else file.name[:-1]
        for length in range(1, len(parents) + 1):
            self.folders.setdefault(parents[:length], None)
        if is_init:
            self.folders[file.name] = file.key
        elif file.name in self.names:
            self._choose(file, self._files[self.names[file.name]])
        else:
            self.names[file.name] = file.key

    def _choose(self, file: SourceFile, other: SourceFile) -> None:
        has_mode, other_has_mode = "." in file.stem, "." in other.stem
        if file.place != "config" or has_mode == other_has_mode:
            self._report(file.key, f"{other.key} has the same name; remove one of the two")
            return
        kept, replaced = (file, other) if has_mode else (other, file)
        self.names[file.name] = kept.key
        del self._files[replaced.key]
