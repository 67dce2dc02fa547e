"""Content codings of requests, without a server."""

import gzip
import zlib

import brotli
import pytest
from backports import zstd
from multidict import CIMultiDict

from rxkernel import BadRequestException, UnsupportedMediaTypeException
from rxkernel.servers.http.decompression import (
    Decompressor,
    content_coding,
    supported_coding,
)

_TEXT = bytes(range(256)) * 800  # longer than one piece of output
_NOISE = zlib.compress(_TEXT) * 200  # longer than one piece of input


def _raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


COMPRESSED = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw deflate": _raw_deflate,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
with_codings = pytest.mark.parametrize("name", COMPRESSED)


def coding_of(name: str) -> str:
    return name.removeprefix("raw ")


def decompress(data: bytes, name: str, step: int | None = None) -> bytes:
    decompressor = Decompressor(coding_of(name))
    out = bytearray()
    step = step or len(data) or 1
    for at in range(0, len(data), step):
        decompressor.feed(data[at : at + step])
        while (piece := decompressor.read()) is not None:
            out += piece
    decompressor.end()
    return bytes(out)


@with_codings
@pytest.mark.parametrize("step", [None, 1000, 1])
@pytest.mark.parametrize(
    "body", [b"", b"a", _TEXT, _NOISE], ids=["empty", "short", "text", "noise"]
)
def test_body_is_decompressed_in_pieces_of_any_size(
    name: str, step: int | None, body: bytes
) -> None:
    assert decompress(COMPRESSED[name](body), name, step) == body


@with_codings
def test_empty_body_is_complete(name: str) -> None:
    assert decompress(b"", name) == b""


@with_codings
@pytest.mark.parametrize("missing", [1, 4, 9, 20])
def test_body_that_ends_early_is_400(name: str, missing: int) -> None:
    data = COMPRESSED[name](_TEXT)[:-missing]

    with pytest.raises(BadRequestException, match="the compressed body ends early"):
        decompress(data, name)


@with_codings
@pytest.mark.parametrize("step", [None, 1])
@pytest.mark.parametrize("rest", [b"\0", b"x", b"trailing garbage" * 20])
def test_data_after_the_end_of_compressed_body_is_400(
    name: str, step: int | None, rest: bytes
) -> None:
    with pytest.raises(BadRequestException, match="the compressed body"):
        decompress(COMPRESSED[name](b"text") + rest, name, step)


@with_codings
def test_text_that_is_not_compressed_is_400(name: str) -> None:
    with pytest.raises(BadRequestException, match="the compressed body"):
        decompress(b'{"not": "compressed"}', name)


@pytest.mark.parametrize("name", ["gzip", "zstd"])
@pytest.mark.parametrize("step", [None, 7])
def test_body_of_several_members_is_decompressed(name: str, step: int | None) -> None:
    """RFC 1952 §2.2, RFC 8878 §3.1: the data of all members is concatenated."""
    compress = COMPRESSED[name]
    data = compress(_TEXT) + compress(b"") * 5000 + compress(b"end")

    assert decompress(data, name, step) == _TEXT + b"end"
    with pytest.raises(BadRequestException, match="ends early"):
        decompress(data[:-3], name, step)


@pytest.mark.parametrize("name", ["deflate", "raw deflate", "br"])
def test_body_of_several_members_is_400_for_codings_without_members(name: str) -> None:
    with pytest.raises(BadRequestException, match="malformed"):
        decompress(COMPRESSED[name](b"a") * 2, name)


@with_codings
def test_decompressed_piece_has_limited_size(name: str) -> None:
    """Fifty megabytes of zeros are not decompressed at once."""
    decompressor = Decompressor(coding_of(name))
    decompressor.feed(COMPRESSED[name](bytes(50_000_000)))

    sizes = []
    while (piece := decompressor.read()) is not None:
        sizes.append(len(piece))
    assert sum(sizes) == 50_000_000
    assert max(sizes) <= 4 * 64 * 1024


def test_zstd_window_above_8_mib_is_400() -> None:
    """RFC 9659: the decoder would allocate the whole window at once."""
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 25})
    data = compressor.compress(b"text") + compressor.flush()

    with pytest.raises(BadRequestException, match="malformed"):
        decompress(data, "zstd")


@pytest.mark.parametrize(
    ("lines", "coding"),
    [
        ([], ""),
        (["identity"], ""),
        ([" GZip "], "gzip"),
        (["gzip", "gzip"], "gzip, gzip"),
    ],
)
def test_content_coding_is_read_from_headers(lines: list[str], coding: str) -> None:
    headers = CIMultiDict([("Content-Encoding", line) for line in lines])

    assert content_coding(headers) == coding


@pytest.mark.parametrize("line", ["lzma", "gzip, br", "gzip,", "x" * 1000])
def test_unsupported_content_coding_is_415_with_supported_codings(line: str) -> None:
    """RFC 9110 §15.5.16."""
    with pytest.raises(UnsupportedMediaTypeException, match="is not supported") as failure:
        supported_coding(CIMultiDict({"Content-Encoding": line}))

    assert failure.value.headers["Accept-Encoding"] == "gzip, deflate, br, zstd"
