"""What the bundle brings to an application."""

from injector import Binder, singleton
from rxkernel import Bundle

from rxkernel_lines.audit import OPTION, Audit, AuditLog
from rxkernel_lines.caller import Caller, CallerResolver
from rxkernel_lines.command import lines
from rxkernel_lines.server import LinesServer
from rxkernel_lines.settings import LinesSettings
from rxkernel_lines.source import ModuleSource


class LinesBundle(Bundle):
    name = "lines"
    listeners = (ModuleSource, Audit)
    resolvers = {Caller: CallerResolver}
    options = (OPTION,)
    servers = (LinesServer,)
    commands = (lines,)
    settings_class = LinesSettings

    def configure(self, binder: Binder) -> None:
        binder.bind(AuditLog, scope=singleton)
