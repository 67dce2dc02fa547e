"""Texts for formats that have no control characters."""

import re

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 §2.2 excludes, also as a character reference."""


def without_control_characters(text: str) -> str:
    """Return *text* with U+FFFD in place of control characters but tab, LF and CR, of halves of
    surrogate pairs and of noncharacters."""
    return _CONTROL.sub("\ufffd", text)
