"""The syntax of files that are not executed, since something else is wrong."""

from collections.abc import Iterator

from bundles.autoload.loading.module_file import compile_source, line_of
from bundles.autoload.loading.tree import Tree


def syntax_problems(tree: Tree) -> Iterator[str]:
    """Yield the syntax errors of all files."""
    for file in tree.files.values():
        if file.key.endswith(".py"):
            try:
                compile_source(file)
            except Exception as exc:
                text = exc.msg if isinstance(exc, SyntaxError) else str(exc)
                line = line_of(exc, file)
                yield f"{tree.show(file.key, line)}: {type(exc).__name__}: {text}"
