"""``rxkernel proxy``: writes the configuration of a proxy to the standard output."""

import re
from collections.abc import Callable
from typing import TypeVar

import click

from bundles.scale.proxy.haproxy import haproxy_text
from bundles.scale.proxy.nginx import nginx_text
from bundles.scale.proxy.plan import Plan
from rxkernel import Application

_TEXTS: dict[str, Callable[[Plan], str]] = {"haproxy": haproxy_text, "nginx": nginx_text}

_HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+"


_Given = TypeVar("_Given", str, tuple[str, ...])


def _matching(
    pattern: str, rule: str
) -> Callable[[click.Context, click.Parameter, _Given], _Given]:
    """A check of the values of an option. The group ``port`` of *pattern* is a port."""

    def check(ctx: click.Context, param: click.Parameter, given: _Given) -> _Given:
        for value in (given,) if isinstance(given, str) else given:
            found = re.fullmatch(pattern, value)
            port = None if found is None else found.groupdict().get("port")
            if found is None or (port is not None and not 1 <= int(port) <= 65535):
                raise click.BadParameter(f"{value!r} is not {rule}", ctx, param)
        return given

    return check


@click.command("proxy")
@click.argument("kind", type=click.Choice(sorted(_TEXTS)))
@click.option(
    "--server",
    "servers",
    metavar="HOST:PORT",
    callback=_matching(
        rf"(?:{_HOST}):(?P<port>[0-9]{{1,5}})", "HOST:PORT, such as 127.0.0.1:8001"
    ),
    multiple=True,
    required=True,
    help="Where a process listens; once for each.",
)
@click.option(
    "--listen",
    metavar="[ADDRESS:]PORT",
    callback=_matching(
        rf"(?:(?:{_HOST}|\*):)?(?P<port>[0-9]{{1,5}})", "PORT or ADDRESS:PORT, such as 80"
    ),
    default="80",
    show_default=True,
    help="Where the proxy listens.",
)
@click.option(
    "--name",
    metavar="NAME",
    callback=_matching(r"[a-z][a-z0-9_]*", "small letters, digits and '_'"),
    default="rxkernel",
    show_default=True,
    help="Begins the names in the configuration; another one for each application.",
)
@click.pass_obj
def proxy(
    application: Application, kind: str, servers: tuple[str, ...], listen: str, name: str
) -> None:
    """Write the configuration of a proxy in front of several processes to the standard output.

    It sends all requests of a session of Socket.IO to one process, checks the health of the
    processes, and has the timeouts and limits of the settings.
    """
    settings = application.settings
    plan = Plan.of(settings, name, listen, servers)
    click.echo(_TEXTS[kind](plan), nl=False)
    if not settings.http.trusted_proxies:
        click.echo(
            "http.trusted_proxies is empty, so that all clients have the address of the proxy; "
            "write its address into it",
            err=True,
        )
