"""Names of hosts in routes, in settings and in requests.

Case and one dot at the end are ignored (RFC 9110 §4.2.3, RFC 1034 §3.1).
"""

import re
from ipaddress import ip_address

HOST_PATTERN = re.compile(
    r"(?!.{254})(\*\.)?[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*|\[[0-9A-Fa-f:.]+\]", re.ASCII
)
"""A host without a port; ``*.example.org`` is every host below that one. The sizes are limited as
in DNS (RFC 1035 §2.3.4)."""


def canonical_host(name: str) -> str | None:
    """*name* in lower case, an IPv6 address in its shortest form; None if it is invalid."""
    if not name.startswith("["):
        return name.lower().removesuffix(".") or None
    try:
        return f"[{ip_address(name[1:-1])}]"
    except ValueError:
        return None


def host_matches(pattern: str, name: str) -> bool:
    """Whether *pattern* is the host *name* or a wildcard for it; both must be canonical."""
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern
