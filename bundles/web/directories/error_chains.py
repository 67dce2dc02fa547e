"""The chains of requests without a route of a directory: files, and paths that do not exist."""

from collections.abc import Mapping
from types import MappingProxyType

from bundles.web.directories.directory_tree import DirectoryTree
from bundles.web.directories.environment import Environment
from bundles.web.directories.handler_chain import Chain
from bundles.web.directories.handler_file_names import ERROR


def error_chains(tree: DirectoryTree, environment: Environment) -> Mapping[str, Chain]:
    """Return the chains of all directories that have or inherit a handler ``error``, by path. They
    have only that stage, whose handlers take no services."""
    chains = {
        path: Chain(directory, "get", tree, environment, (), (), (), (), handlers)
        for path, directory in tree.directories.items()
        if (handlers := directory.handlers_of(ERROR))
    }
    return MappingProxyType(chains)
