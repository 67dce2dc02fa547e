"""``rxkernel check``: boots without serving, and reports every error."""

from collections.abc import Iterator

import click

from rxkernel.application.application import Application
from rxkernel.application.bundle_resolution import resolve_bundles
from rxkernel.application.composition_root import CompositionRoot
from rxkernel.cli.locate import locate, name_of
from rxkernel.cli.log_files import check_directory
from rxkernel.cli.logs import directories_of
from rxkernel.cli.loop import run
from rxkernel.cli.native_paths import native_paths_of
from rxkernel.cli.options import debug_option, overrides_of, target_argument
from rxkernel.exceptions import ConfigurationError
from rxkernel.settings import LoggingSettings


@click.command
@target_argument
@debug_option
@click.pass_context
def check(ctx: click.Context, target: str | None) -> None:
    """Boot without serving, and report every error.

    Exits with 2 if there is one. With an invalid setting no service is built.
    """
    application = locate(target)
    try:
        application.load_settings(overrides_of(ctx), name=name_of(target))
    except ConfigurationError as error:
        raise ConfigurationError.merge((error, *_wiring_errors(application))) from error
    errors = _log_errors(application.settings.logging)
    try:
        summary = run(_summary(application))
    except ConfigurationError as error:
        errors.append(error)
    if errors:
        raise ConfigurationError.merge(errors) from errors[-1]
    click.echo(summary)


def _log_errors(settings: LoggingSettings) -> list[ConfigurationError]:
    errors = []
    for directory in directories_of(settings):
        try:
            check_directory(directory)
        except ConfigurationError as error:
            errors.append(error)
    return errors


def _wiring_errors(application: Application) -> list[ConfigurationError]:
    """Find the errors that do not depend on settings: in the part of boot that does not await."""
    try:
        CompositionRoot(application.spec()).compose()
    except ConfigurationError as error:
        return [error]
    return []


async def _summary(application: Application) -> str:
    async with application:
        kernel, dispatcher = application.kernel, application.dispatcher
        native = await native_paths_of(application)
        listeners = sum(len(dispatcher.get_listeners(e)) for e in dispatcher.event_names())
        names = ", ".join(bundle.name for bundle in resolve_bundles(application.bundles))
        return "\n".join(
            (
                "All is well:",
                f"  HTTP routes       {len(kernel.http_definitions)}",
                f"  Socket.IO events  {len(kernel.websocket_definitions)}",
                *_counted("procedures", len(kernel.compiled.procedures)),
                *_counted("native paths", len(native)),
                f"  listeners         {listeners}",
                f"  bundles           {names or 'none'}",
                f"  servers           {', '.join(application.servers)}",
            )
        )


def _counted(label: str, number: int) -> Iterator[str]:
    """A line of the summary; nothing for 0."""
    if number:
        yield f"  {label:<16}  {number}"
