"""The group of all commands: rxkernel's own, and those of the application's bundles."""

import traceback

import click

from rxkernel.application.application import Application
from rxkernel.application.bundle_resolution import resolve_bundles
from rxkernel.cli.bundles import bundles
from rxkernel.cli.call import call
from rxkernel.cli.check import check
from rxkernel.cli.listeners import listeners
from rxkernel.cli.locate import DEFAULT, TargetMissingError, locate, name_of
from rxkernel.cli.new import new
from rxkernel.cli.options import TARGET, debug_option, is_debugging, overrides_of
from rxkernel.cli.report import report
from rxkernel.cli.routes import routes
from rxkernel.cli.serve import serve
from rxkernel.cli.service import service
from rxkernel.cli.unknown_command import explain_unknown
from rxkernel.exception_text import own_traceback
from rxkernel.exceptions import ConfigurationError, ServiceUnavailableException
from rxkernel.kernel.garbage_collection import paused_collection
from rxkernel.servers.server import ServerStartError

_APPLICATION = "rxkernel.application"


class Commands(click.Group):
    """Adds the commands of bundles, and reports errors of the user without a traceback.

    The application is loaded only for an unknown command name, or for the help. The
    command of a bundle gets it through ``click.pass_obj``: settings read, not yet booted.
    """

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if error.ctx is None or not _misplaces_application(ctx, error):
                raise
            command = error.ctx.command_path.removeprefix(ctx.command_path)
            raise click.UsageError(
                f"{error.message.rstrip('.')}; name the application before the command: "
                f"{ctx.command_path} --app MODULE{command}",
                error.ctx,
            ) from error
        except (ConfigurationError, ServerStartError) as error:
            if is_debugging(ctx) and (cause := _cause_of(error)) is not None:
                traceback.print_exception(cause.with_traceback(own_traceback(cause)))
            report(error)
            ctx.exit(2)
        except ServiceUnavailableException as error:
            if is_debugging(ctx):
                raise
            reason = error.__cause__ or error
            raise click.ClickException(f"{_words(error)}: {reason}") from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = super().list_commands(ctx)
        try:
            return sorted({*names, *self._of_bundles(ctx)})
        except ConfigurationError as error:
            report(error)
            return names

    @paused_collection()
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if (own := super().get_command(ctx, cmd_name)) is not None:
            return own
        command = self._of_bundles(ctx).get(cmd_name)
        if command is not None and not ctx.resilient_parsing:
            ctx.obj = ctx.meta[_APPLICATION]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        is_name = not (args[0].startswith("-") or ctx.resilient_parsing)
        if is_name and self.get_command(ctx, args[0]) is None:
            self._refuse_unknown(ctx, args)
        resolved = super().resolve_command(ctx, args)
        if isinstance(ctx.obj, Application):
            ctx.obj.load_settings(overrides_of(ctx), name=name_of(ctx.meta.get(TARGET)))
        return resolved

    def _refuse_unknown(self, ctx: click.Context, args: list[str]) -> None:
        """Report an unknown command, and which application or bundle could have it."""
        hints = []
        if _APPLICATION in ctx.meta:
            application = ctx.meta.get(TARGET, DEFAULT)
            hints.append(explain_unknown(args[0], self.list_commands(ctx), application))
        if TARGET not in ctx.meta:
            hints.append(
                f"for a command of a bundle, name the application before it: {ctx.command_path} "
                f"--app MODULE {args[0]}"
            )
        ctx.fail("; ".join((f"No such command {args[0]!r}", *hints)))

    def _of_bundles(self, ctx: click.Context) -> dict[str, click.Command]:
        """The commands of bundles by name; empty if no application was found or requested."""
        if _APPLICATION not in ctx.meta:
            try:
                ctx.meta[_APPLICATION] = locate(ctx.meta.get(TARGET))
            except TargetMissingError:
                if TARGET in ctx.meta:
                    raise
                return {}
        enabled = resolve_bundles(ctx.meta[_APPLICATION].bundles)
        return {c.name: c for bundle in enabled for c in bundle.commands if c.name is not None}


def _words(error: ServiceUnavailableException) -> str:
    """``tasks unavailable`` for the code ``tasks_unavailable``."""
    return str(error.code or error.phrase).replace("_", " ")


def _cause_of(error: Exception) -> BaseException | None:
    """Return the exception that *error* reports, or None. For a mistake of the configuration it is
    None: the traceback of *error* itself has only lines of rxkernel."""
    cause: BaseException | None = error if isinstance(error, ConfigurationError) else None
    while isinstance(cause, ConfigurationError):
        cause = cause.__cause__
    return cause


def _misplaces_application(ctx: click.Context, error: click.UsageError) -> bool:
    """Whether ``--app`` follows the command, or the command of a bundle, which has no TARGET, is
    followed by an argument."""
    if isinstance(error, click.NoSuchOption):
        return error.option_name == "--app"
    return isinstance(ctx.obj, Application) and "unexpected extra argument" in error.message


def _remember_target(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta[TARGET] = value


@click.group(cls=Commands)
@click.option(
    "--app",
    metavar="TARGET",
    is_eager=True,
    expose_value=False,
    callback=_remember_target,
    help="The application; a TARGET of the command takes precedence. Default: app.",
)
@debug_option
@click.version_option(package_name="rxkernel", message="rxkernel %(version)s")
def main() -> None:
    """One controller method handles HTTP and Socket.IO.

    TARGET names the application as MODULE:ATTRIBUTE, where the attribute is an Application
    or a function that returns one. Without an attribute it is "application" or
    "create_application". With a "/", as in ./sites/shop, TARGET is the folder of an application
    or of its project. Without a TARGET it is the module "app", or the folder "application".
    """


for command in (serve, routes, listeners, bundles, call, check, new, service):
    main.add_command(command)
