"""One script of the place ``setup``."""

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

from bundles.autoload.loading.load import Load
from bundles.autoload.loading.module_file import is_own
from bundles.autoload.loading.source_file import SourceFile
from rxkernel import ConfigurationError


def script_of(file: SourceFile, module: ModuleType | None, load: Load) -> Any:
    """Return the function ``setup`` of *file*.

    Raises:
        ConfigurationError: the function is missing, or has parameters.
    """
    assert module is not None  # only Python files are read
    function = vars(module).get("setup")
    if not (is_own(function, module) and inspect.isroutine(function)):
        raise ConfigurationError("has no function setup; write async def setup()")
    if not _takes_nothing(function):
        raise ConfigurationError(
            "setup has parameters; write async def setup(), and from bundles.autoload import "
            "application for the services of the application: application.injector.get(…)"
        )
    return function


def _takes_nothing(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    return True
