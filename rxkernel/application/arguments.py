"""Checks the types of the arguments of `Application` before they are used."""

import inspect
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from rxkernel.application.injection_errors import shown
from rxkernel.exceptions import ConfigurationError
from rxkernel.settings import Settings


def check_arguments(
    *,
    bundles: object,
    controllers: object,
    listeners: object,
    modules: object,
    options: object,
    scalars: object,
    settings: object,
) -> None:
    """Check the types; boot checks the rest.

    Raises:
        ConfigurationError: with every argument of a wrong type.
    """
    problems = [
        *_of_list("bundles", bundles),
        *_of_list("controllers", controllers),
        *_of_list("listeners", listeners),
        *(_of_list("modules", modules) or _of_modules(modules)),
        *(_of_list("options", options) or _of_options(options)),
        *_of_list("scalars", scalars),
        *_of_settings(settings),
    ]
    if problems:
        raise ConfigurationError(*problems)


def _of_list(name: str, value: object) -> list[str]:
    is_one = isinstance(value, str | bytes | Mapping | type)
    if isinstance(value, Collection) and not is_one:
        return []
    has_name = isinstance(value, str) or getattr(value, "__qualname__", "").isidentifier()
    item = shown(value) if has_name else "…"
    return [f"{name} is {shown(value)}; write {name}=[{item}]"]


def _of_modules(modules: Any) -> Iterator[str]:
    for module in modules:
        if not callable(module):
            yield (
                f"modules contains {shown(module)}; it must be an injector.Module, or a function "
                f"that takes the binder"
            )
        elif inspect.iscoroutinefunction(module):
            yield (
                f"modules contains {shown(module)}, which is an async def; write a plain def, and "
                f"await in a listener of application.bootstrap"
            )


def _of_options(options: Any) -> Iterator[str]:
    for key in options:
        if not isinstance(key, str):
            yield f"options contains {shown(key)}; it must be the key of an option, a str"


def _of_settings(settings: object) -> Iterator[str]:
    if settings is not None and not isinstance(settings, Settings):
        yield f"settings is {shown(settings)}; write settings=Settings(…)"
