"""The place ``bus``: remote services and their methods."""

import inspect
import logging
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import attrs
from injector import Injector

from bundles.autoload.loading.load import Load
from bundles.autoload.loading.long_times import too_long
from bundles.autoload.loading.module_file import ModuleFile, is_own, value_of
from bundles.autoload.loading.name_rules import INIT, SERVICE, dotted
from bundles.autoload.loading.snapshot import Snapshot
from bundles.autoload.loading.source_file import SourceFile
from bundles.autoload.loading.top_level_names import variables
from bundles.autoload.places.schemas import SchemaFiles
from bundles.autoload.remote import BusEnvironment, RemoteMethod, Service
from bundles.clock import Clock
from rxkernel import Application, ConfigurationError, Kernel, Propagator

logger = logging.getLogger(__name__)

_NOTATIONS = ("parameters", "query", "returns")
_TIMES = ("timeout", "attempt_timeout", "retry_delay", "max_retry_delay")


@attrs.frozen
class BusFiles:
    """The files of ``bus`` of one snapshot, whose notations refer to *schemas*."""

    environment: BusEnvironment
    schemas: SchemaFiles

    def value_of(self, file: SourceFile, module: ModuleType | None, load: Load) -> Any:
        """Return the service of ``_service.py``, the method that a file describes, or otherwise
        the ordinary value of the file."""
        assert module is not None
        if file.stem == INIT:
            return module
        values = {name: value for name, value in vars(module).items() if name != "requires"}
        own = variables(file, module)
        if file.stem == SERVICE:
            name = dotted(file.name[:-1])
            service = Service.of(values, name=name, environment=self.environment, own=own)
            times = {key: values.get(key) for key in _TIMES}
            _warn(file, {**times, "queue.timeout": service.settings.queue.timeout}, load)
            return service
        key = f"{file.key.rpartition('/')[0]}/{SERVICE}.py"
        has_service = key in load.tree.files
        if not isinstance(values.get("method"), Mapping):
            if has_service and not _has_code(module):
                raise ConfigurationError(
                    "describes no remote method; write method = {'get': 'path'}, or a function"
                )
            return value_of(file, module)
        if not has_service:
            raise ConfigurationError(
                f"describes a remote method, but {load.tree.show(key)} does not exist; write it, "
                f"with url = 'https://…'"
            )
        if any(values.get(notation) is not None for notation in _NOTATIONS):
            load.watch(("schemas",))
        _warn(file, {"timeout": values.get("timeout")}, load)
        return RemoteMethod.of(
            values,
            name=dotted(file.name),
            service=load.load(key).value,
            schemas=self.schemas.named,
            own=own,
        )


def bus_environment(application: Application, injector: Injector) -> BusEnvironment:
    """Return the parts of *application* that remote services use; *injector* has its services."""
    return BusEnvironment(
        injector.get(Kernel).serializer,
        injector.get(Propagator),
        application.settings.request_id_header,
        injector.get(Clock),
    )


async def close_services(files: Mapping[str, ModuleFile], kept: Snapshot | None = None) -> None:
    """Close the connections of the services of *files*, except those that *kept* has too. Errors
    are logged."""
    used = set() if kept is None else {id(file.value) for file in kept.files.values()}
    for file in files.values():
        if isinstance(file.value, Service) and id(file.value) not in used:
            try:
                await file.value.close()
            except Exception:
                logger.exception("connections of %s could not be closed", dotted(file.name[:-1]))


def _warn(file: SourceFile, times: Mapping[str, Any], load: Load) -> None:
    for warning in too_long(times):
        logger.warning("%s: %s", load.tree.show(file.key), warning)


def _has_code(module: ModuleType) -> bool:
    """Whether *module* defines a function or a class."""
    return any(
        (inspect.isroutine(value) or inspect.isclass(value)) and is_own(value, module)
        for value in vars(module).values()
    )
