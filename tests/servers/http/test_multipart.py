"""The parts of a form, received in pieces of any size."""

import pytest

from rxkernel import BadRequestException, HttpException, UnsupportedMediaTypeException
from rxkernel.messages.media_type import content_type_of
from rxkernel.servers.http.multipart import Multipart, safe_name

Found = list[tuple[str, str | None, str | None, bytes]]


async def parts_of(sent: bytes, size: int = 1_000_000, boundary: str = "x") -> Found:
    """Name, file name, type and content of each part of *sent*, read in pieces of *size*."""
    pieces = iter([sent[at : at + size] for at in range(0, len(sent), size)])

    async def read() -> bytes:
        return next(pieces, b"")

    form = Multipart(read, content_type_of(f'multipart/form-data; boundary="{boundary}"'))
    found: Found = []
    while (part := await form.next()) is not None:
        content = b""
        while data := await form.read():
            content += data
        kind = part.content_type.kind if part.content_type else None
        found.append((part.name, part.filename, kind, content))
    assert next(pieces, None) is None, "the body is read to its end"
    return found


def part(*headers: str, content: bytes = b"") -> bytes:
    return "\r\n".join(["--x", *headers, "", ""]).encode() + content + b"\r\n"


NAMED = 'Content-Disposition: form-data; name="a"'


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 1000])
async def test_parts_are_equal_for_any_piece_size(size: int) -> None:
    """RFC 2046 §5.1.1: preamble, epilogue and padding are ignored; a part may be empty."""
    sent = (
        b"a preamble\r\n"
        + part(NAMED, content=b"1\r\n--y\r\n\r\n-\r\n--")
        + part(NAMED)
        + b"--x \t\r\ncontent-disposition:form-data;name=b\r\n\r\n"
        + part(
            'Content-Disposition: form-data; name="f"; filename="ä.txt"', "Content-Type: Text/CSV"
        )
        + part(NAMED, content=bytes(range(256)))
        + b"--x--\r\nan epilogue"
    )

    assert await parts_of(sent, size) == [
        ("a", None, None, b"1\r\n--y\r\n\r\n-\r\n--"),
        ("a", None, None, b""),
        ("b", None, None, b""),
        ("f", "ä.txt", "text/csv", b""),
        ("a", None, None, bytes(range(256))),
    ]


async def test_multipart_empty_form_has_no_parts() -> None:
    assert await parts_of(b"--x--") == []
    assert await parts_of(b"\r\n--x--\r\n") == []


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"no boundary",
        b"--y--\r\n",
        b"--x",
        b"--x\r\n",
        part(NAMED, content=b"no end")[:-2],
        part(NAMED) + b"--x-",
        part(NAMED) + b"--xyz\r\n" + part(NAMED) + b"--x--",
        part() + b"--x--",
        part("Content-Type: text/plain") + b"--x--",
        part("Content-Disposition: form-data") + b"--x--",
        part('Content-Disposition: form-data; filename="f"') + b"--x--",
        part('Content-Disposition: attachment; name="a"') + b"--x--",
        part('Content-Disposition: form-data; name="a') + b"--x--",
        part('Content-Disposition: form-data; name="a" b') + b"--x--",
        part(NAMED, NAMED) + b"--x--",
        part(NAMED, "no header") + b"--x--",
        part(NAMED, " folded: yes") + b"--x--",
        part(NAMED, "X: \0") + b"--x--",
        b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n\r\n--x--',
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
async def test_multipart_malformed_is_400(broken: bytes, size: int) -> None:
    with pytest.raises(BadRequestException, match="the multipart form cannot be read: "):
        await parts_of(broken, size)


@pytest.mark.parametrize("boundary", ["", "x" * 71, "é"])
async def test_multipart_boundary_has_1_to_70_characters(boundary: str) -> None:
    with pytest.raises(BadRequestException, match="no boundary of 1 to 70"):
        await parts_of(b"--x--", boundary=boundary)
    assert await parts_of(b"--" + b"x" * 70 + b"--", boundary="x" * 70) == []


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Content-Transfer-Encoding: base64", "the transfer encoding 'base64'"),
        (
            "Content-Transfer-Encoding: quoted-printable",
            "the transfer encoding 'quoted-printable'",
        ),
        ("Content-Type: multipart/mixed; boundary=y", "cannot have nested parts"),
        ("Content-Type: text", "invalid media type"),
    ],
)
async def test_multipart_encoded_or_nested_parts_are_415(header: str, message: str) -> None:
    """RFC 7578 §4.3 and §4.7: clients must not send them any more."""
    with pytest.raises(UnsupportedMediaTypeException, match=message):
        await parts_of(part(NAMED, header) + b"--x--")
    assert await parts_of(part(NAMED, "Content-Transfer-Encoding: 8bit") + b"--x--")


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (r'"a \"b\" \\ c"', r'a "b" \ c'),
        (r'"C:\dir"', r"C:\dir"),
        ('"a;b=c"', "a;b=c"),
        ("a.b", "a.b"),
        ('""', ""),
        ('"%22%0D"', "%22%0D"),
    ],
)
async def test_multipart_names_of_browsers_and_curl_are_decoded(written: str, name: str) -> None:
    sent = part(f"Content-Disposition: form-data; name={written}") + b"--x--"
    assert [found[0] for found in await parts_of(sent)] == [name]


async def test_multipart_many_backslashes_are_read_in_linear_time() -> None:
    """An ambiguous pattern would try 2**4000 combinations."""
    sent = part('Content-Disposition: form-data; name="' + "\\" * 8000) + b"--x--"
    with pytest.raises(HttpException):
        await parts_of(sent)


@pytest.mark.parametrize(
    ("claimed", "name"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\Users\\ada\\a.txt", "a.txt"),
        ("/a/", ""),
        ("..", ""),
        ("a/..", ""),
        (".", ""),
        (".htaccess", ".htaccess"),
        ("a\0b\r\n\x1b[1m.txt", "ab[1m.txt"),
        ("exe.\u202egpj", "exe.gpj"),
        ("\u202f1 é 漢.png", "\u202f1 é 漢.png"),
    ],
)
def test_multipart_file_name_is_last_visible_part_of_path(claimed: str, name: str) -> None:
    assert safe_name(claimed) == name
