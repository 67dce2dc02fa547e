"""A source of routes: the functions of modules become procedures."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

from injector import inject
from rxkernel import (
    ApplicationEvents,
    BootstrapEvent,
    ConfigurationError,
    ProcedureMetadata,
    observe,
    options_of,
)

from rxkernel_lines.message import LINES
from rxkernel_lines.settings import LinesSettings


class ModuleSource:
    """Publishes the modules of the setting ``lines.modules``."""

    @inject
    def __init__(self, settings: LinesSettings) -> None:
        self.settings = settings

    @observe(ApplicationEvents.BOOTSTRAP)
    async def publish(self, event: BootstrapEvent) -> None:
        for name in self.settings.modules:
            for procedure in procedures_of(_module(name)):
                event.procedure_metadata_storage.add(procedure)


def procedures_of(module: ModuleType) -> Iterator[ProcedureMetadata]:
    """Each public ``async def`` that *module* defines itself, named ``module.function``."""
    for name, function in inspect.getmembers(module, inspect.iscoroutinefunction):
        if not name.startswith("_") and function.__module__ == module.__name__:
            yield ProcedureMetadata(
                module, f"{module.__name__}.{name}", name, LINES, options_of(function)
            )


def _module(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as exc:
        raise ConfigurationError(
            f"lines.modules names {name!r}, which cannot be imported: {exc}"
        ) from exc
