"""Verification of bcrypt and scrypt hashes, which older systems have stored."""

import base64
import hashlib
import hmac
import re

import bcrypt

_BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72
_SCRYPT = re.compile(
    r"\$scrypt\$(?:N=(?P<n>\d{1,8})|ln=(?P<ln>\d{1,2})),r=(?P<r>\d{1,3}),p=(?P<p>\d{1,3})"
    r"(?:,maxmem=\d{1,12})?\$(?P<salt>[A-Za-z0-9+/]{1,200})\$(?P<hash>[A-Za-z0-9+/]{1,200})"
)
_SCRYPT_MEMORY = 1 << 30
"""Most memory for one hash; a stored hash with a higher cost is not computed."""


def is_old_hash(stored: str) -> bool:
    """Whether `verify_old` reads the format of *stored*."""
    return bool(_BCRYPT.fullmatch(stored) or _SCRYPT.fullmatch(stored))


def verify_old(stored: str, password: bytes) -> bool:
    """Compare in constant time. It takes long: call it in a thread.

    ``$2a$``, ``$2b$``, ``$2y$`` are bcrypt, of which only the first 72 bytes of a password count.
    ``$scrypt$N=32768,r=8,p=1,maxmem=67108864$<salt>$<hash>`` is the format of Impress,
    ``$scrypt$ln=15,r=8,p=1$<salt>$<hash>`` that of passlib; both in base64 without padding.

    Raises:
        ValueError: the format or its numbers are not allowed.
    """
    if _BCRYPT.fullmatch(stored):
        return bcrypt.checkpw(password[:_BCRYPT_BYTES], stored.encode())
    found = _SCRYPT.fullmatch(stored)
    if found is None:
        raise ValueError("not a bcrypt or scrypt hash")
    n = 1 << int(found["ln"]) if found["ln"] else int(found["n"])
    r, p = int(found["r"]), int(found["p"])
    memory = 128 * r * (n + p + 2)
    if memory > _SCRYPT_MEMORY:
        raise ValueError("the scrypt hash needs too much memory")
    expected = _decode(found["hash"])
    computed = hashlib.scrypt(
        password, salt=_decode(found["salt"]), n=n, r=r, p=p, maxmem=memory, dklen=len(expected)
    )
    return hmac.compare_digest(computed, expected)


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))
