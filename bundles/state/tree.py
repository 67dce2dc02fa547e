"""The values of a state, by path, as nested dicts."""

from collections.abc import Iterator
from typing import Any

import attrs

from bundles.state.paths import Parts, bytes_of, path_of
from bundles.state.values import SCALARS, fork, is_same, leaves_of, measure

_MOST_CACHED = 100_000

LeafChange = tuple[str, Any, Any]
"""Path, value before and value after; None for no value."""


@attrs.frozen(eq=False)
class Change:
    """*before* was replaced by *after* at *root*; None for no value. *root* is the path of the
    operation, or that of a leaf above it.

    *after* is a part of the tree, so it is what it was only until the next change.
    """

    root: Parts
    before: Any
    after: Any

    def leaves(self) -> Iterator[LeafChange]:
        """The leaves that differ."""
        path = path_of(self.root)
        if type(self.before) is not dict and type(self.after) is not dict:
            if not is_same(self.before, self.after):
                yield path, self.before, self.after
            return
        old, new = dict(leaves_of(self.before, path)), dict(leaves_of(self.after, path))
        for changed, value in old.items():
            if changed not in new:
                yield changed, value, None
        for changed, value in new.items():
            before = old.get(changed)
            if not is_same(before, value):
                yield changed, before, value


class Tree:
    """A dict is a subtree, and everything else is a leaf. There is no dict without keys.

    Attributes:
        root: the whole tree, which others only read.
        cache: the leaves that were read and cannot be changed in place, by path. It is faster
            than the way through the dicts.
        paths: how many paths have a value, dicts included: each needs memory.
        size: about the bytes of all keys and leaves as JSON.
    """

    def __init__(self) -> None:
        self.root: dict[str, Any] = {}
        self.cache: dict[str, Any] = {}
        self.paths = 0
        self.size = 0

    def find(self, parts: Parts) -> Any:
        """The dict or the leaf at *parts*, not a copy; None for no value."""
        node: Any = self.root
        for part in parts:
            if type(node) is not dict:
                return None
            node = node.get(part)
        return node

    def remember(self, path: str, leaf: Any) -> None:
        """Make the next read of *path* faster."""
        if type(leaf) in SCALARS and leaf is not None:
            if len(self.cache) >= _MOST_CACHED:
                self.cache.clear()
            self.cache[path] = leaf

    def leaf_above(self, parts: Parts) -> Parts | None:
        """The path above *parts* that has a leaf; None without such a leaf."""
        node: Any = self.root
        for depth, part in enumerate(parts[:-1], 1):
            node = node.get(part)
            if type(node) is not dict:
                return None if node is None else parts[:depth]
        return None

    def put(self, parts: Parts, node: Any) -> Change:
        """Replace what is at *parts*, and a leaf above it. *node* is copied."""
        parent = self.root
        for depth, part in enumerate(parts[:-1], 1):
            child = parent.get(part)
            if type(child) is not dict:
                below = node = fork(node)
                for name in reversed(parts[depth:]):
                    below = {name: below}
                change = self._replace(parent, part, parts[:depth], child, below)
                return Change(parts, None, node) if child is None else change
            parent = child
        last = parts[-1]
        return self._replace(parent, last, parts, parent.get(last), fork(node))

    def remove(self, parts: Parts) -> Change | None:
        """Remove what is at *parts*, and the dicts above that have no other keys; None if nothing
        is there."""
        parents = []
        node: Any = self.root
        for part in parts:
            if type(node) is not dict or part not in node:
                return None
            parents.append((node, part))
            node = node[part]
        removed = node
        depth = len(parts)
        for parent, part in reversed(parents):
            del parent[part]
            if parent or depth == 1:
                break
            depth -= 1
            node = {part: node}
        self._account(Change(parts[:depth], node, None))
        return Change(parts, removed, None)

    def restore(self, change: Change) -> Change | None:
        """Undo *change*, which is the last one of those that were not undone."""
        if change.before is None:
            return self.remove(change.root)
        return self.put(change.root, change.before)

    def replace_all(self, root: dict[str, Any]) -> Change:
        """Take over *root*, without a copy."""
        before, self.root = self.root, root
        self.cache.clear()
        paths, self.size = measure(root)
        self.paths = paths - 1  # the root has no path
        return Change((), before, root)

    def _replace(
        self, parent: dict[str, Any], part: str, root: Parts, before: Any, after: Any
    ) -> Change:
        parent[part] = after
        return self._account(Change(root, before, after))

    def _account(self, change: Change) -> Change:
        before, after = change.before, change.after
        if before is not None and self.cache:
            if type(before) is dict:
                self.cache.clear()
            else:
                self.cache.pop(path_of(change.root), None)
        paths, size = measure(before)
        more_paths, more_size = measure(after)
        name = bytes_of(change.root[-1])
        self.paths += more_paths - paths
        self.size += more_size - size + name * ((after is not None) - (before is not None))
        return change
