"""The access of directories as options of their definitions."""

from collections.abc import Mapping
from typing import Any

from bundles.web.access.access_rules import rule_of
from bundles.web.access.tree_gate import rule_below
from bundles.web.directories.directory import Directory
from bundles.web.directories.directory_tree import DirectoryTree


def access_options(directory: Directory) -> Mapping[str, Any]:
    """Return the options of the definitions of *directory*."""
    return {"access": rule_of(directory.access)}


def options_below(directory: Directory, tree: DirectoryTree, parameter: str) -> Mapping[str, Any]:
    """Return the options of the definitions for all paths below *directory*, which are their
    *parameter*: those of the deepest directory of the path."""
    return {"access": rule_below(tree.access, directory.names, parameter)}
