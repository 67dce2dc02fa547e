"""Keys of access tokens: files, algorithms, rotation."""

import json
import logging
import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc.jwk import OctKey

from bundles.security.token_settings import TokenSettings
from bundles.security.tokens.key_files import add_key, load_keys, new_key, read_keys
from bundles.security.tokens.keys import ALGORITHMS
from rxkernel import ConfigurationError

RSA = rsa.generate_private_key(65537, 2048)
NATIVE = {
    "RS256": RSA,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def pem(key: object, *, private: bool = True) -> bytes:
    if private:
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined, no-any-return]
    public = key.public_key()  # type: ignore[attr-defined]
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[no-any-return]


@pytest.mark.parametrize("algorithm", NATIVE)
def test_pem_file_has_the_usual_algorithm_of_its_key(tmp_path: Path, algorithm: str) -> None:
    (tmp_path / "private.pem").write_bytes(pem(NATIVE[algorithm]))
    (tmp_path / "public.pem").write_bytes(pem(NATIVE[algorithm], private=False))

    (private,) = read_keys(tmp_path / "private.pem")
    (public,) = read_keys(tmp_path / "public.pem")

    assert (private.algorithm, private.can_sign) == (algorithm, True)
    assert (public.algorithm, public.can_sign) == (algorithm, False)
    assert private.id == public.id


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_new_key_signs_and_older_keys_of_the_file_verify(tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "var" / "keys.json"
    first = add_key(path, "HS256")
    second = add_key(path, algorithm)

    ring = load_keys(TokenSettings(keys=(path,)))

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [key.id for key in ring.keys] == [second.kid, first.kid]
    assert (ring.signing and ring.signing.id) == second.kid
    assert [k.id for k in ring.candidates("HS256", first.kid)] == [first.kid]
    assert ring.candidates("none", first.kid) == ring.candidates(algorithm, "unknown") == ()
    assert ring.candidates(algorithm, [second.kid]) == ()


def test_first_start_makes_a_private_key_file_and_warns_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = TokenSettings(key_file=tmp_path / "var" / "keys.json")

    first, second = load_keys(settings), load_keys(settings)

    assert first.keys[0].id == second.keys[0].id
    assert stat.S_IMODE(settings.key_file.stat().st_mode) == 0o600
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert list(settings.key_file.parent.iterdir()) == [settings.key_file]
    secret = json.loads(settings.key_file.read_text())["keys"][0]["k"]
    assert secret not in caplog.text
    assert secret not in repr(first.keys)


def test_keys_readable_by_all_users_are_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = tuple(tmp_path / name for name in ("first.json", "second.json", "private.json"))
    for path in paths:
        add_key(path, "HS256")
    for path in paths[:2]:
        path.chmod(0o644)
    (tmp_path / "public.pem").write_bytes(pem(RSA, private=False))
    (tmp_path / "public.pem").chmod(0o644)

    load_keys(TokenSettings(keys=(*paths, tmp_path / "public.pem")))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert caplog.messages[0].endswith(f"chmod 600 {paths[0]} {paths[1]}")

    caplog.clear()
    load_keys(TokenSettings(key_file=paths[0]))
    load_keys(TokenSettings(key_file=paths[2]))
    assert len(caplog.records) == 1


def test_processes_that_start_together_get_one_key(tmp_path: Path) -> None:
    """`serve --workers` starts several at once."""
    settings = TokenSettings(key_file=tmp_path / "keys.json")
    found: set[str] = set()
    threads = [
        threading.Thread(target=lambda: found.add(load_keys(settings).keys[0].id))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 1


def test_secret_signs_and_its_repr_is_hidden() -> None:
    settings = TokenSettings(secret="s3cret-of-the-tests-with-32-bytes!")

    assert load_keys(settings).keys[0].algorithm == "HS256"
    assert "s3cret" not in repr(settings)


def test_short_secret_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="32 bytes or more") as caught:
        TokenSettings(secret="s3cret")
    assert "s3cret" not in str(caught.value)


def _problem(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_keys(TokenSettings(keys=(path,)))
    return str(caught.value)


def test_invalid_files_are_errors_that_show_no_key(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    assert "cannot be read" in _problem(path)
    for content in (b"", b"s3cret", b"{", b'{"keys": [{"kty": "oct"}]}', b'{"keys": 7}', b"\xff"):
        path.write_bytes(content)
        assert "no usable key" in _problem(path)
        assert "s3cret" not in _problem(path)
    path.write_bytes(b'{"keys": []}')
    assert "has no key" in _problem(path)
    locked = BestAvailableEncryption(b"s3cret")
    path.write_bytes(RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))
    assert "without a passphrase" in _problem(path)


def test_keys_that_cannot_be_used_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_bytes(pem(rsa.generate_private_key(65537, 1024)))
    assert "has 1024 bits; for RS256 it must have at least 2048" in _problem(path)
    path.write_bytes(pem(ec.generate_private_key(ec.SECP521R1())))
    assert "curve 'P-521' cannot be used with the algorithm 'ES256'" in _problem(path)
    for algorithm in ("none", "HS256", "RS1"):
        key = {**new_key("RS256").as_dict(private=True), "alg": algorithm}
        path.write_text(json.dumps(key))
        assert f"with the algorithm {algorithm!r}" in _problem(path)
    key = {**OctKey.generate_key(128).as_dict(), "kid": "a"}
    path.write_text(json.dumps(key))
    assert "has 16 bytes; for HS256 it must have at least 32" in _problem(path)
    key = {**new_key("HS256").as_dict(), "kid": "a"}
    path.write_text(json.dumps({"keys": [key, key]}))
    assert "two keys have the kid 'a'" in _problem(path)
