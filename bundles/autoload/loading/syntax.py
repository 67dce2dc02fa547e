"""The syntax errors of files that are not executed because of other errors."""

from collections.abc import Iterator

from bundles.autoload.loading.file_errors import FileError
from bundles.autoload.loading.module_file import compile_source
from bundles.autoload.loading.tree import Tree


def syntax_problems(tree: Tree, *places: str) -> Iterator[str]:
    """Yield the syntax errors of the files of *places*, by default of all."""
    for file in tree.files.values():
        if file.key.endswith(".py") and (not places or file.place in places):
            try:
                compile_source(file)
            except FileError as exc:
                yield f"{tree.show(file.key, exc.line)}: {exc}"
