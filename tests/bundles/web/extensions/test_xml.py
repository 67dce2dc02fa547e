"""``.xml``, as a parser reads it."""

from datetime import date
from typing import Any
from xml.etree import ElementTree

import attrs
import pytest

from tests.bundles.web.extensions.forms import form_of

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


@attrs.frozen
class City:
    name: str
    since: date
    people: list[str]


def body_of(data: Any) -> str:
    return form_of("xml", data).removeprefix(DECLARATION)


def read(data: Any) -> ElementTree.Element:
    return ElementTree.fromstring(form_of("xml", data))


def test_xml_mapping_list_and_scalars_are_elements() -> None:
    assert form_of("xml", City("Kyiv & Co", date(1934, 6, 24), ["a", "b"])) == (
        f"{DECLARATION}<result><name>Kyiv &amp; Co</name>"
        f"<people><item>a</item><item>b</item></people><since>1934-06-24</since></result>"
    )


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (0, "<result>0</result>"),
        ("", "<result/>"),
        (False, "<result>false</result>"),
        (None, '<result nil="true"/>'),
        ([], "<result/>"),
        ({}, "<result/>"),
        (True, "<result>true</result>"),
        (-1.5, "<result>-1.5</result>"),
        (float("inf"), '<result nil="true"/>'),
        (float("nan"), '<result nil="true"/>'),
        (b"\x00", "<result>AA==</result>"),
        (
            [None, [1], (2,)],
            '<result><item nil="true"/><item><item>1</item></item>'
            "<item><item>2</item></item></result>",
        ),
    ],
    ids=str,
)
def test_xml_value_has_its_form(data: Any, body: str) -> None:
    assert body_of(data) == body


@pytest.mark.parametrize(
    "key",
    [
        "",
        " ",
        "a b",
        "1a",
        "-a",
        "a:b",
        "xml",
        "XMLdata",
        "имя",
        "a>",
        "a/><script>",
        "\"'&<>",
        "a\tb\nc\rd",
        "a\n",
        "²",
    ],
)
def test_xml_key_that_is_not_an_element_name_is_an_attribute(key: str) -> None:
    (child,) = read({key: "value"})

    assert (child.tag, child.attrib, child.text) == ("item", {"key": key}, "value")


@pytest.mark.parametrize("key", ["a", "_a", "a.b-c_1", "A"])
def test_xml_key_that_is_an_element_name_is_the_element(key: str) -> None:
    assert body_of({key: 1}) == f"<result><{key}>1</{key}></result>"


@pytest.mark.parametrize(
    "text", ["<![CDATA[ ]]>", "&lt; &#0;", "\r\n\t x", "<!-- -->", "<?php ?>", "\U0001f600", " "]
)
def test_xml_text_is_read_unchanged(text: str) -> None:
    assert read({"a": text, text: 1})[0].text == text


def test_xml_characters_that_xml_does_not_have_are_replaced() -> None:
    """XML 1.0 §2.2: a reference to them is not well formed either."""
    controls = "".join(map(chr, range(0x20))) + "\ud800\ufffe\uffff"

    root = read({"text": controls, controls: 1})

    replaced = "".join(c if c in "\t\n\r" else "\ufffd" for c in controls)
    assert root[0].text == replaced
    assert root[1].attrib == {"key": replaced}


def test_xml_large_data_are_read_again() -> None:
    rows = [{"id": n, "name": f"<{n}>", "none": None} for n in range(20_000)]

    root = read({"rows": rows})

    assert [(row[0].text, row[1].text) for row in root[0]] == [
        (str(n), f"<{n}>") for n in range(20_000)
    ]
