"""Texts for formats that have no control characters."""

import re

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""The characters that XML 1.0 §2.2 excludes, even as character references."""


def without_control_characters(text: str) -> str:
    """Return *text* with U+FFFD in place of control characters other than tab, LF and CR, of lone
    surrogates, and of U+FFFE and U+FFFF."""
    return _CONTROL.sub("\ufffd", text)
