"""``.xml``: elements for mappings, lists and scalars (XML 1.0).

ElementTree is not used: it writes names and characters that are invalid in XML.
"""

import math
import re
from typing import Any

from bundles.web.client import Client
from bundles.web.extensions.control_characters import without_control_characters
from bundles.web.extensions.cycles import plain_value
from bundles.web.extensions.extension import Extension

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ROOT = "result"
_ITEM = "item"

_NAME = re.compile(r"(?![Xx][Mm][Ll])[A-Za-z_][\w.-]*", re.ASCII)
"""Names in ASCII, which every parser reads, without a colon and without reserved names (§2.3)."""

_SPECIAL = re.compile('[&<>"\t\n\r]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}
_KEY_ESCAPES = {**_ESCAPES, "\t": "&#9;", "\n": "&#10;"}
"""Parsers read CR as LF (§2.11), and tab and LF in an attribute as a space (§3.3.3)."""


def render_xml(client: Client, data: Any) -> str:
    """Return *data* as a document with the root ``<result>``. Values are converted as for JSON: a
    date is a text, bytes are base64.

    An item of a list is ``<item>``. A key of a mapping is the name of its element, or
    ``<item key="…">`` if it is not a valid name. None is ``nil="true"``. Characters that are
    invalid in XML become U+FFFD. Cycles are cut as in ``.json``.
    """
    return xml_document(plain_value(client.chain.environment.serializer, data))


def xml_document(value: Any) -> str:
    """Return the document for the plain *value*."""
    parts = [_DECLARATION]
    _write(parts, _ROOT, _ROOT, value)
    return "".join(parts)


def _write(parts: list[str], begin: str, end: str, value: Any) -> None:
    """Append an element; *begin* is its name and attributes."""
    parts.append(f"<{begin}>")
    before = len(parts)
    if isinstance(value, dict):
        for key, item in value.items():
            _write(parts, *_tag_of(key), item)
    elif isinstance(value, list | tuple):
        for item in value:
            _write(parts, _ITEM, _ITEM, item)
    elif (text := _text_of(value)) is None:
        begin = f'{begin} nil="true"'
    elif text:
        parts.append(text)
    if len(parts) == before:
        parts[-1] = f"<{begin}/>"
    else:
        parts.append(f"</{end}>")


def _tag_of(key: str) -> tuple[str, str]:
    if _NAME.fullmatch(key):
        return key, key
    return f'{_ITEM} key="{_escaped(key, _KEY_ESCAPES)}"', _ITEM


def _text_of(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return _escaped(value, _ESCAPES) if isinstance(value, str) else str(value)


def _escaped(text: str, escapes: dict[str, str]) -> str:
    def escape(found: re.Match[str]) -> str:
        return escapes.get(found[0], found[0])

    return _SPECIAL.sub(escape, without_control_characters(text))


XML = Extension("xml", "text/xml; charset=utf-8", render_xml)
