"""``rxkernel check``: boots without serving, and reports every error."""

from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import click

from rxkernel.application.application import Application
from rxkernel.application.bundle_resolution import resolve_bundles
from rxkernel.application.composition_root import CompositionRoot
from rxkernel.cli.locate import locate, name_of
from rxkernel.cli.log_files import check_directory
from rxkernel.cli.logs import directories_of
from rxkernel.cli.loop import run
from rxkernel.cli.native_paths import native_paths_of
from rxkernel.cli.options import debug_option, overrides_of, targets_argument
from rxkernel.cli.shared_applications import SharedApplications
from rxkernel.exceptions import ConfigurationError


@click.command
@targets_argument
@debug_option
@click.pass_context
def check(ctx: click.Context, targets: tuple[str, ...]) -> None:
    """Boot without serving, and report every error.

    Several TARGETs are checked as applications that share a port. Exits with 2 after an error. If
    a setting is invalid, services are not built.
    """
    if len(targets) > 1:
        summary = run(_check_together(SharedApplications.load(targets, overrides_of(ctx))))
    else:
        summary = run(_check_one(_loaded(ctx, targets[0] if targets else None)))
    click.echo(summary)


def _loaded(ctx: click.Context, target: str | None) -> Application:
    application = locate(target)
    try:
        application.load_settings(overrides_of(ctx), name=name_of(target))
    except ConfigurationError as error:
        raise ConfigurationError.merge((error, *_wiring_errors(application))) from error
    return application


def _wiring_errors(application: Application) -> list[ConfigurationError]:
    """Find the errors that do not depend on settings, in the synchronous part of boot."""
    try:
        CompositionRoot(application.spec()).compose()
    except ConfigurationError as error:
        return [error]
    return []


async def _check_one(application: Application) -> str:
    found = _Found()
    found.in_directories(directories_of(application.settings.logging))
    summary = ""
    with found.errors(), _only_checked(application):
        async with application:
            summary = f"All is well:\n{await _summary(application)}"
    found.report()
    return summary


async def _check_together(served: SharedApplications) -> str:
    """Boot all of them in one process, as ``serve`` does."""
    found = _Found()
    common = directories_of(served.settings.logging)
    found.in_directories(common)
    with found.errors():
        served.port.check()
    summaries = []
    async with AsyncExitStack() as booted:
        for name, application in served.by_name.items():
            found.in_directories(directories_of(application.settings.logging) - common, name)
            booted.enter_context(_only_checked(application))
            with found.errors(name):
                await booted.enter_async_context(application)
                summaries.append(f"{name}: all is well:\n{await _summary(application)}")
        found.report()
    return "\n".join(summaries)


@contextmanager
def _only_checked(application: Application) -> Iterator[None]:
    application.is_check = True
    try:
        yield
    finally:
        application.is_check = False


class _Found:
    """The errors that were found so far."""

    def __init__(self) -> None:
        self._problems: list[str] = []
        self._last: ConfigurationError | None = None

    @contextmanager
    def errors(self, name: str | None = None) -> Iterator[None]:
        """Keep an error that is raised in this block, with the *name* of its application."""
        try:
            yield
        except ConfigurationError as error:
            self._last = error
            prefix = "" if name is None else f"{name}: "
            self._problems += (f"{prefix}{problem}" for problem in error.problems)

    def in_directories(self, directories: Iterable[Path], name: str | None = None) -> None:
        """Keep the errors of *directories* for log files."""
        for directory in directories:
            with self.errors(name):
                check_directory(directory)

    def report(self) -> None:
        """Raise one error with all problems, if any were found."""
        if self._problems:
            raise ConfigurationError(*self._problems) from self._last


async def _summary(application: Application) -> str:
    kernel, dispatcher = application.kernel, application.dispatcher
    native = await native_paths_of(application)
    listeners = sum(len(dispatcher.get_listeners(e)) for e in dispatcher.event_names())
    names = ", ".join(bundle.name for bundle in resolve_bundles(application.bundles))
    return "\n".join(
        (
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
    """Yield a line of the summary, unless *number* is 0."""
    if number:
        yield f"  {label:<16}  {number}"
