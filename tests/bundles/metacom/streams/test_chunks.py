"""The binary messages of both dialects."""

from typing import Any

import pytest

from bundles.metacom.dialect import Dialect
from bundles.metacom.streams.chunks import decode_chunk, encode_chunk
from rxkernel import BadRequestException

A, B = Dialect.A, Dialect.B


@pytest.mark.parametrize(
    ("dialect", "id", "chunk"),
    [
        (A, 7, "00000007 68656c6c6f"),
        (A, -1, "ffffffff 68656c6c6f"),
        (A, 2**31 - 1, "7fffffff 68656c6c6f"),
        (B, "s-7", "03 732d37 68656c6c6f"),
        (B, "ü", "02 c3bc 68656c6c6f"),
    ],
)
def test_chunk_has_exact_bytes(dialect: Dialect, id: int | str, chunk: str) -> None:
    expected = bytes.fromhex(chunk)

    assert encode_chunk(id, b"hello", dialect) == expected
    assert decode_chunk(expected, dialect) == (id, b"hello")


# T42
@pytest.mark.parametrize("id", ["x" * 255, "ü" * 127])
def test_id_of_255_bytes_is_encoded(id: str) -> None:
    assert decode_chunk(encode_chunk(id, b"", B), B) == (id, b"")


# T42
@pytest.mark.parametrize("id", ["x" * 256, "ü" * 128, "", 7, "\udc80"])
def test_id_of_256_bytes_fails_to_encode(id: Any) -> None:
    with pytest.raises(ValueError, match=r"1 to 255 bytes|surrogates"):
        encode_chunk(id, b"hello", B)


@pytest.mark.parametrize("id", [2**31, -(2**31) - 1, 1.0, True, "7"])
def test_id_of_dialect_a_outside_32_bits_fails_to_encode(id: Any) -> None:
    with pytest.raises(ValueError, match="32 bits"):
        encode_chunk(id, b"hello", A)


@pytest.mark.parametrize("chunk", [b"", b"\0\0\0"])
def test_short_chunk_of_dialect_a_raises(chunk: bytes) -> None:
    with pytest.raises(BadRequestException, match="4 bytes"):
        decode_chunk(chunk, A)


@pytest.mark.parametrize("chunk", [b"", b"\0hello", b"\5abcd", b"\xffabc", b"\1\xff"])
def test_invalid_chunk_of_dialect_b_raises(chunk: bytes) -> None:
    with pytest.raises(BadRequestException, match="id"):
        decode_chunk(chunk, B)
