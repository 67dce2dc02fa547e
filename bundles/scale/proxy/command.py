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

_FILE = r"/[^\"\\$\s]+"
_FILE_RULE = "an absolute path without spaces, double quotes, '$' and '\\'"

_HOST = r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+"


_Given = TypeVar("_Given", str, tuple[str, ...], str | None)


def _matching(
    pattern: str, rule: str
) -> Callable[[click.Context, click.Parameter, _Given], _Given]:
    """Return a callback that checks the values of an option. The group ``port`` of *pattern*, if
    any, must be from 1 to 65535."""

    def check(ctx: click.Context, param: click.Parameter, given: _Given) -> _Given:
        for value in (given,) if isinstance(given, str) else given or ():
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
    help="The address of a process; repeat it for each process.",
)
@click.option(
    "--certificate",
    metavar="FILE",
    callback=_matching(_FILE, _FILE_RULE),
    help="The certificate for TLS, with its intermediate certificates.",
)
@click.option(
    "--key",
    metavar="FILE",
    callback=_matching(_FILE, _FILE_RULE),
    help="Its key, for nginx. HAProxy reads it from the certificate file or its .key file.",
)
@click.option(
    "--listen",
    metavar="[ADDRESS:]PORT",
    callback=_matching(
        rf"(?:(?:{_HOST}|\*):)?(?P<port>[0-9]{{1,5}})", "PORT or ADDRESS:PORT, such as 80"
    ),
    help="Where the proxy listens. Default: 80, with a certificate 443.",
)
@click.option(
    "--name",
    metavar="NAME",
    callback=_matching(
        r"[a-z][a-z0-9_]*", "a lowercase letter, then lowercase letters, digits and '_'"
    ),
    default="rxkernel",
    show_default=True,
    help="The prefix of names in the configuration; different for each application.",
)
@click.pass_obj
def proxy(
    application: Application,
    kind: str,
    servers: tuple[str, ...],
    certificate: str | None,
    key: str | None,
    listen: str | None,
    name: str,
) -> None:
    """Write the configuration of a proxy in front of several processes to the standard output.

    It sends all requests of a session of Socket.IO to one process, checks the health of the
    processes, and has the timeouts and limits of the settings.
    """
    if kind == "nginx" and (certificate is None) is not (key is None):
        raise click.UsageError("nginx needs both --certificate and --key, or neither")
    if kind == "haproxy" and key is not None:
        raise click.UsageError(
            "haproxy has no setting for the key: it reads it from the file of --certificate, or "
            "from that file name with .key appended; remove --key"
        )
    listen = listen or ("80" if certificate is None else "443")
    settings = application.settings
    plan = Plan.of(settings, name, listen, servers, certificate=certificate, key=key)
    click.echo(_TEXTS[kind](plan), nl=False)
    if not settings.http.trusted_proxies:
        click.echo(
            "http.trusted_proxies is empty, so all clients would have the address of the proxy; "
            "add that address to it",
            err=True,
        )
