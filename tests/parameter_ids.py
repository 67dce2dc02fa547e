"""Ids of the parameters of tests."""

import re

_ADDRESS = re.compile(r"( at 0x[0-9a-f]+|:\d{10,})")


def id_of(value: object) -> str:
    """Return the text of *value* without addresses.

    The processes of pytest-xdist have to collect the same ids.
    """
    return _ADDRESS.sub("", str(value))
