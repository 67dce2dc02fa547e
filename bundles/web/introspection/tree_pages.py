"""The pages of folders without an index."""

from bundles.web.directories.directories_place import Directories
from bundles.web.directories.directory import Directory
from bundles.web.files.folder_pages import FolderPages
from bundles.web.introspection.introduction import introduction
from rxkernel import Request, Response


class TreePages(FolderPages):
    """The introductions and lists of files of the current tree.

    Attributes:
        directories: set after construction: they need the files, which need these pages.
    """

    directories: Directories

    def lists_files(self, folder: str) -> bool:
        return self.directories.tree.access.of_path(folder).index

    def introduces(self, folder: str) -> bool:
        return self._introduced(folder) is not None

    def introduction_of(self, request: Request, folder: str) -> Response | None:
        directory = self._introduced(folder)
        return None if directory is None else introduction(directory)

    def _introduced(self, folder: str) -> Directory | None:
        directory = self.directories.tree.directories.get(f"/{folder}" if folder else "")
        return directory if directory is not None and directory.access.intro else None

    def has_handlers(self, folder: str) -> bool:
        directory = self.directories.tree.directories.get(f"/{folder}" if folder else "")
        return directory is not None and bool(directory.handlers)
