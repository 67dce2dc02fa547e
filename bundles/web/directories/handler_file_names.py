"""The stages of a request, each a file of a directory."""

from collections.abc import Mapping
from types import MappingProxyType

VERBS: Mapping[str, str] = MappingProxyType(
    {name.lower(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")}
)
"""The methods of HTTP by the names of their files."""

ERROR = "error"

STAGES = ("request", *VERBS, "end", "lazy", ERROR)
"""The names of handler files."""

ACCESS = "access"
"""The name of the file with the access of a directory."""
