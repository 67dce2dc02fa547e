"""Finds the files that must be executed again after a change."""

from collections.abc import Iterable, Mapping

from bundles.autoload.loading.module_file import ModuleFile
from bundles.autoload.loading.name_rules import INIT, Name
from bundles.autoload.loading.tree import Tree


def changed_keys(old: Tree, new: Tree) -> frozenset[str]:
    """Return the keys of new, removed and changed files."""
    return frozenset(_changed(old.files, new.files)) | frozenset(
        f"resources/{path}" for path in _changed(old.resources, new.resources)
    )


def stale_keys(files: Mapping[str, ModuleFile], changed: frozenset[str], *trees: Tree) -> set[str]:
    """Return the keys of *files* to execute again: changed files, and all files that have read one
    of them, directly or through others, while they were executed."""
    names = {name for tree in trees for name in _names_of(tree, changed)}
    stale = set(changed)
    while more := {
        key
        for key, file in files.items()
        if key not in stale and (file.reads & stale or _watches(file, names))
    }:
        stale |= more
    return stale


def _changed(old: Mapping[str, object], new: Mapping[str, object]) -> Iterable[str]:
    for key in old.keys() | new.keys():
        before, after = old.get(key), new.get(key)
        if getattr(before, "digest", None) != getattr(after, "digest", None):
            yield key


def _names_of(tree: Tree, changed: frozenset[str]) -> Iterable[Name]:
    for key in changed:
        file = tree.files.get(key)
        if file is not None:
            yield (*file.name, INIT) if file.stem == INIT else file.name
        elif key.startswith("resources/"):
            yield ("resources", *key.split("/")[1:])


def _watches(file: ModuleFile, names: set[Name]) -> bool:
    return any(name[: len(watched)] == watched for watched in file.watches for name in names)
