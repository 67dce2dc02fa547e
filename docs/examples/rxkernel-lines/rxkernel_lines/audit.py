"""A listener that reads an option: it logs the calls of the routes that have it."""

from collections.abc import Callable
from typing import TypeVar

from injector import inject
from rxkernel import Definition, KernelEvents, TerminateEvent, observe, option

F = TypeVar("F", bound=Callable[..., object])

OPTION = "audited"


def audited(subject: str) -> Callable[[F], F]:
    """Write every call of the decorated method, or of all of a class, into the audit log."""
    return option(OPTION, subject)


class AuditLog:
    """Where the entries go; an application may bind another one."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    def write(self, entry: str) -> None:
        self.entries.append(entry)


def _is_audited(definition: Definition) -> bool:
    return OPTION in definition.options


class Audit:
    @inject
    def __init__(self, log: AuditLog) -> None:
        self.log = log

    @observe(KernelEvents.KERNEL_TERMINATE, only=_is_audited)
    async def note(self, event: TerminateEvent) -> None:
        subject = event.request.definition.options[OPTION]
        self.log.write(f"{subject}: {event.request.route_name} {event.response.status_code}")
