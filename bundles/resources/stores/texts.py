"""Texts in the columns of the stores, see `tables`."""

from hashlib import sha256


def stored(text: str) -> bytes:
    """Return *text* as bytes for its column; a lone surrogate is kept."""
    return text.encode(errors="surrogatepass")


def loaded(value: bytes) -> str:
    """Return the text of `stored`."""
    return value.decode(errors="surrogatepass")


def digest(text: str) -> bytes:
    """Return the SHA-256 of *text*, for an index."""
    return sha256(stored(text)).digest()
