"""``rxkernel listeners``: the listeners of each event, in the order of the events."""

from typing import Any

import click

from rxkernel.application.application import Application
from rxkernel.application.events import ApplicationEvents
from rxkernel.cli.definition import find_definition
from rxkernel.cli.listing import print_json, print_table
from rxkernel.cli.loading import load
from rxkernel.cli.loop import run
from rxkernel.cli.options import (
    debug_option,
    json_option,
    overrides_of,
    target_argument,
    transport_option,
)
from rxkernel.events.dispatcher import AsyncEventDispatcher, describe
from rxkernel.kernel.events import KernelEvents
from rxkernel.messages.transport import Transport
from rxkernel.routing.definitions import Definition
from rxkernel.servers.events import ServerEvents

_OF_A_DEFINITION = (
    KernelEvents.KERNEL_DEFINITION,
    KernelEvents.KERNEL_HEAD,
    KernelEvents.KERNEL_REQUEST,
    KernelEvents.KERNEL_EXCEPTION,
    KernelEvents.KERNEL_RESPONSE,
    KernelEvents.KERNEL_TERMINATE,
)

IN_ORDER = (
    ApplicationEvents.BOOTSTRAP,
    _OF_A_DEFINITION[0],
    KernelEvents.KERNEL_COMPILED,
    ApplicationEvents.RELOAD,
    ApplicationEvents.SETTINGS,
    ServerEvents.CONFIGURE,
    ServerEvents.STARTED,
    ServerEvents.READINESS,
    ServerEvents.CONNECTED,
    ServerEvents.ACCEPTED,
    *_OF_A_DEFINITION[1:],
    ServerEvents.DISCONNECTED,
    ServerEvents.STOPPING,
    ApplicationEvents.SHUTDOWN,
)


@click.command
@target_argument
@click.option(
    "--definition", "name", metavar="NAME", help="Only listeners that run for this definition."
)
@transport_option
@json_option
@debug_option
@click.pass_context
def listeners(
    ctx: click.Context,
    target: str | None,
    name: str | None,
    transport: Transport | None,
    as_json: bool,
) -> None:
    """List the listeners in the order they run.

    With --definition, list only the listeners of kernel events that run for it, without those
    that only= excludes.
    """
    if transport and not name:
        raise click.UsageError(
            "--transport needs --definition: it limits the search for the definition"
        )
    listed = run(_list(load(target, overrides_of(ctx)), name, transport))
    if as_json:
        print_json(listed)
        return
    heads = ("EVENT", "PRIORITY", "LISTENER", "ONLY")
    rows = [tuple("" if v is None else v for v in row.values()) for row in listed]
    print_table(heads, rows, "No listeners.")


async def _list(
    application: Application, name: str | None, transport: Transport | None
) -> list[dict[str, Any]]:
    async with application:
        if name is None:
            return _rows(application.dispatcher, None)
        return _rows(application.dispatcher, find_definition(application.kernel, name, transport))


def _rows(dispatcher: AsyncEventDispatcher, definition: Definition | None) -> list[dict[str, Any]]:
    own = sorted(name for name in dispatcher.event_names() if name not in IN_ORDER)
    events = (*IN_ORDER, *own) if definition is None else _OF_A_DEFINITION
    return [
        {
            "event": str(event),
            "priority": registration.priority,
            "listener": describe(registration.listener),
            "only": None if registration.only is None else describe(registration.only),
        }
        for event in events
        for registration in dispatcher.signal(event).registrations
        if definition is None or registration.only is None or registration.only(definition)
    ]
