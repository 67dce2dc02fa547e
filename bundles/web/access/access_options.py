"""The access of directories as options of their definitions."""

from collections.abc import Iterable, Mapping
from typing import Any

from bundles.web.access.access_rules import rule_of
from bundles.web.access.joint_gate import HandlerAccess, joint_rule
from bundles.web.access.tree_gate import rule_below
from bundles.web.directories.directory import Directory
from bundles.web.directories.directory_tree import DirectoryTree


def access_options(directory: Directory) -> Mapping[str, Any]:
    """Return the options of the definition of the index of *directory*."""
    return {"access": rule_of(directory.access)}


def handler_options(directory: Directory, source: Directory) -> Mapping[str, Any]:
    """Return the options of the definitions of *directory* whose handler is in *source*, which is
    *directory* or above it: both must admit the client."""
    return {"access": joint_rule(directory.access, _accesses(source))}


def options_below(directory: Directory, tree: DirectoryTree, parameter: str) -> Mapping[str, Any]:
    """Return the options of the definitions for the files below *directory*, whose path is
    *parameter*: the access of the deepest directory of the path."""
    return {"access": rule_below(tree.access, directory.names, parameter)}


def virtual_options(
    directory: Directory, source: Directory, tree: DirectoryTree, parameter: str, verb: str
) -> Mapping[str, Any]:
    """Return the options of the definitions of the virtual paths below *directory*, whose handler
    is in *source*. Their files have the same access as others."""
    handlers = tuple(dict.fromkeys(_accesses(directory, source)))
    has_files = verb in ("get", "head")
    rule = rule_below(tree.access, directory.names, parameter, handlers, has_files=has_files)
    return {"access": rule}


def _accesses(*sources: Directory) -> Iterable[HandlerAccess]:
    return (HandlerAccess(each.path, each.access) for each in sources)
