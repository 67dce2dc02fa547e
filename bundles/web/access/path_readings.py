"""The other paths as which file systems and other servers may read a path.

Servlets drop the text after a semicolon in a part (parameters, RFC 3986 §3.3). Windows reads a
backslash as a slash, and drops dots and spaces at the end of a part.
"""

import re
from collections.abc import Iterable

_AMBIGUOUS = re.compile(r"[\\;]|[. ](?:/|$)")
_PARAMETERS = re.compile(r";[^/]*")
_END = re.compile(r"(?<=[^/. ])[. ]+(?=/|$)")
_DOTS = re.compile(r"(?:^|[/\\]) *\.[. ]*(?:[/\\;]|$)")


def other_readings(path: str) -> Iterable[str]:
    """Return the paths, decoded, as which *path* may be read too, without *path* itself."""
    if _AMBIGUOUS.search(path) is None:
        return ()
    slashed = {path, path.replace("\\", "/")}
    plain = slashed | {_PARAMETERS.sub("", each) for each in slashed}
    return (plain | {_END.sub("", each) for each in plain}) - {path}


def may_lead_above(path: str) -> bool:
    """Whether *path*, decoded, has a part that may be read as ``.`` or ``..``."""
    return _DOTS.search(path) is not None
