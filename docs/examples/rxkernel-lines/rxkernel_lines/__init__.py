"""A bundle for rxkernel: procedures called with lines of JSON over TCP."""

from rxkernel_lines.audit import AuditLog, audited
from rxkernel_lines.bundle import LinesBundle
from rxkernel_lines.caller import Caller
from rxkernel_lines.message import LINES
from rxkernel_lines.settings import LinesSettings

__all__ = ["LINES", "AuditLog", "Caller", "LinesBundle", "LinesSettings", "audited"]
