"""The certificates that boot accepts, and the reload of certificates."""

import logging
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rxkernel import (
    Application,
    CertificateFiles,
    ConfigurationError,
    HttpSettings,
    Settings,
    TlsSettings,
)
from rxkernel.servers.certificates import Certificates
from tests.servers.tls import YESTERDAY, Authority, tls_settings

FILES = CertificateFiles(certificate=Path("a"), key=Path("b"))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def problems_of(tls: TlsSettings, **parts: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        await Application(settings=Settings(http=HttpSettings(tls=tls)), **parts).boot()
    return caught.value.problems


def encrypt(key: Path, encrypted: Path) -> None:
    command = ["openssl", "pkey", "-aes128", "-passout", "pass:x", "-in", str(key)]
    subprocess.run([*command, "-out", str(encrypted)], check=True)


def corrupt(pem: Path) -> None:
    pem.write_text(pem.read_text().replace("M", "#"))


async def test_boot_valid_certificate_logs_nothing(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    tls = tls_settings(
        authority.issue("a"), hosts={"a.example": authority.issue("b", "a.example")}
    )

    async with Application(settings=Settings(http=HttpSettings(tls=tls))):
        assert caplog.messages == []


async def test_boot_missing_and_foreign_files_reports_every_problem(authority: Authority) -> None:
    good, other = authority.issue("good"), authority.issue("other")
    missing = authority.directory / "missing.key"
    hosts = {
        "a.example": CertificateFiles(certificate=good.certificate, key=other.key),
        "b.example": CertificateFiles(certificate=good.key, key=good.certificate),
    }

    problems = await problems_of(
        TlsSettings(certificate=authority.directory, key=missing, hosts=hosts),
        listeners=[object()],
    )

    assert [problem.partition(";")[0] for problem in problems if "http.tls" in problem] == [
        f"http.tls.certificate: cannot read {authority.directory}: Is a directory",
        f"http.tls.key: cannot read {missing}: No such file or directory",
        f'http.tls.hosts."a.example".key: {other.key} does not match the first certificate in '
        f"{good.certificate}",
        f'http.tls.hosts."b.example".certificate: {good.key} has no certificate in PEM format',
        f'http.tls.hosts."b.example".key: {good.certificate} has no key in PEM format',
    ]
    assert any("listener object" in problem for problem in problems), (
        "the problem of the wiring is missing"
    )


async def test_boot_encrypted_key_is_reported_without_a_prompt(authority: Authority) -> None:
    """Otherwise OpenSSL would prompt for the password on the terminal."""
    files = authority.issue("a")
    encrypted = authority.directory / "encrypted.key"
    encrypt(files.key, encrypted)

    (problem,) = await problems_of(TlsSettings(certificate=files.certificate, key=encrypted))

    assert problem.startswith(f"http.tls.key: {encrypted} is encrypted; remove its password")


@pytest.mark.parametrize("which", ["certificate", "key"])
async def test_boot_malformed_pem_reports_the_files(authority: Authority, which: str) -> None:
    files = authority.issue("a")
    corrupt(getattr(files, which))

    (problem,) = await problems_of(tls_settings(files))

    assert problem.startswith(f"http.tls: {files.certificate} and {files.key} cannot be used: ")


@pytest.mark.parametrize(
    ("host", "names", "not_after", "reason"),
    [
        ("", ["127.0.0.1"], YESTERDAY, "certificate has expired"),
        ("a.example", ["b.example"], None, "Hostname mismatch"),
        ("*.a.example", ["x.a.example"], YESTERDAY, "certificate has expired"),
    ],
)
async def test_boot_certificate_that_clients_reject_logs_a_warning(
    authority: Authority,
    caplog: pytest.LogCaptureFixture,
    host: str,
    names: list[str],
    not_after: Any,
    reason: str,
) -> None:
    files = authority.issue("refused", *names, not_after=not_after)
    tls = (
        tls_settings(authority.issue("good"), hosts={host: files}) if host else tls_settings(files)
    )

    async with Application(settings=Settings(http=HttpSettings(tls=tls))):
        pass

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"clients will not accept the TLS certificate {files.certificate}: {reason}" in (
        record.getMessage()
    )


@pytest.mark.parametrize(
    ("hosts", "text"),
    [
        ({"a b": None}, "hosts must be a table of host names"),
        ({"a" * 64 + ".example": FILES}, "hosts must be a table of host names"),
        ({".".join(["a" * 63] * 4): FILES}, "hosts must be a table of host names"),
        ({"a.example": None}, "hosts must be a table of host names"),
        ({1: None}, "hosts must be a table of host names"),
        ([], "hosts must be a table of host names"),
    ],
)
def test_settings_invalid_hosts_are_rejected(hosts: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        TlsSettings(certificate=Path("a"), key=Path("b"), hosts=hosts)


def test_settings_hosts_of_the_largest_size_are_valid() -> None:
    """RFC 1035 §2.3.4: 63 bytes of a label, 253 characters of a name."""
    longest = ".".join(["a" * 63] * 3 + ["a" * 61])
    assert TlsSettings(certificate=Path("a"), key=Path("b"), hosts={longest: FILES}).hosts


def test_settings_path_with_nul_is_rejected() -> None:
    with pytest.raises(ValueError, match="the path of a PEM file"):
        TlsSettings(certificate=Path("a\0"), key=Path("b"))


def test_settings_key_in_place_of_its_path_is_not_shown() -> None:
    with pytest.raises(ValueError, match="the path of a PEM file") as caught:
        TlsSettings(certificate=Path("a"), key=Path("-----BEGIN PRIVATE KEY-----\nsecret"))
    assert "secret" not in str(caught.value)


def test_reload_wrong_key_keeps_the_certificates_and_logs_once(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    files = authority.issue("a")
    certificates = Certificates(tls_settings(files))
    certificates.load()
    before = certificates.context()
    good = files.key.read_bytes()

    files.key.write_bytes(authority.issue("b").key.read_bytes())
    certificates.reload()
    assert certificates.context() is before
    assert "does not match" in caplog.text

    files.key.write_bytes(good)
    certificates.reload()
    assert certificates.context() is not before


def issue_unusual(files: CertificateFiles, curve: str) -> None:
    """Write a certificate that OpenSSL loads, with a key that TLS does not support."""
    command = ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=a", "-newkey", "ec", "-pkeyopt"]
    paths = ["-out", str(files.certificate), "-keyout", str(files.key)]
    subprocess.run([*command, f"ec_paramgen_curve:{curve}", *paths], check=True)


@pytest.mark.parametrize("curve", ["secp256k1", "brainpoolP256r1"])
async def test_boot_key_that_no_handshake_accepts_is_reported_with_all_problems(
    authority: Authority, curve: str
) -> None:
    good, unusual = authority.issue("good"), authority.issue("unusual")
    issue_unusual(unusual, curve)
    missing = CertificateFiles(certificate=good.certificate, key=Path("missing.key"))
    hosts = {"a.example": unusual, "b.example": missing}

    first, second = await problems_of(tls_settings(good, hosts=hosts))

    assert first.startswith(f'http.tls.hosts."a.example": {unusual.certificate} cannot be used')
    assert "P-256" in first
    assert second.startswith('http.tls.hosts."b.example".key: cannot read missing.key')
    (problem,) = await problems_of(tls_settings(unusual))
    assert problem.startswith(f"http.tls: {unusual.certificate} cannot be used")


def test_reload_key_that_no_handshake_accepts_keeps_the_certificates(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    files = authority.issue("a")
    certificates = Certificates(tls_settings(files))
    certificates.load()
    before = certificates.context()

    issue_unusual(files, "secp256k1")
    certificates.reload()

    assert certificates.context() is before
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "the TLS certificates were not reloaded" in record.getMessage()


@pytest.mark.parametrize("method", ["load_cert_chain", "load_verify_locations"])
def test_reload_file_that_is_removed_while_it_is_read_keeps_the_certificates(
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
) -> None:
    files = authority.issue("a")
    certificates = Certificates(tls_settings(files))
    certificates.load()
    before = certificates.context()
    load = getattr(ssl.SSLContext, method)

    def remove_and_load(self: ssl.SSLContext, *args: Any, **kwargs: Any) -> Any:
        files.certificate.unlink()
        return load(self, *args, **kwargs)

    monkeypatch.setattr(ssl.SSLContext, method, remove_and_load)
    certificates.reload()

    assert certificates.context() is before
    assert "cannot be used: no such file or directory" in caplog.text
