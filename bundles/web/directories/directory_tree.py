"""All handler directories of one snapshot."""

from collections.abc import Mapping
from types import MappingProxyType

from bundles.web.access.access_tree import AccessTree
from bundles.web.directories.directory import Directory
from bundles.web.directory_paths import above
from bundles.web.templates.templates import Templates

PLACE = "app"
"""The folder of the tree."""


class DirectoryTree:
    """The directories by their paths.

    Attributes:
        root: the folder ``app`` itself.
        directories: by their path, the directories that have files, and those above them.
        templates: of all directories, compiled.
        access: of all directories, including those without files.
        access_files: all access files.
    """

    def __init__(
        self, directories: Mapping[str, Directory], templates: Templates, access: AccessTree
    ) -> None:
        self.directories = MappingProxyType(dict(directories))
        self.root = self.directories[""]
        self._depth = max(path.count("/") for path in self.directories)
        self.templates = templates
        self.access = access
        self.access_files = tuple(
            file for each in directories.values() if (file := each.access_file)
        )

    def nearest(self, path: str) -> Directory:
        """Return the directory of the URL *path*, without the prefix and the query; if it does not
        exist, the nearest one above it. Names that are deeper than every directory are not
        read."""
        path = "/".join(path.split("/", self._depth + 1)[: self._depth + 1]).rstrip("/")
        while path and path not in self.directories:
            path = above(path)
        return self.directories.get(path, self.root)
