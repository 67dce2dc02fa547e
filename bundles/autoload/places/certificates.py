"""The place ``cert``: a folder for each certificate, converted to the kernel's TLS settings."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, NameOID

from bundles.autoload.loading.place_names import CERTIFICATE_FILES
from rxkernel import CertificateFiles, ConfigurationError, TlsSettings

DEFAULT = "default"
"""The folder with the certificate for other host names, and for clients that send no host name."""

_HOST = re.compile(r"(\*\.)?[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")


def read_certificates(root: Path) -> TlsSettings | None:
    """Return the settings for the folder ``cert`` of *root*; None if there is no certificate.

    Each of its folders has ``cert.pem`` and ``key.pem``. The host names are read from the
    certificate. The server notices changes of the files; for new folders, it must be restarted.

    Raises:
        ConfigurationError: lists every error.
    """
    problems: list[str] = []
    found = dict(_pairs(root / "cert", problems))
    default = found.get(DEFAULT) or (next(iter(found.values())) if len(found) == 1 else None)
    if default is None and found:
        problems.append(
            f"{root / 'cert'}: has {' and '.join(found)}; name the folder of the certificate for "
            f"clients that send another host name, or none, {DEFAULT!r}"
        )
    hosts = _by_host(found, problems)
    if problems:
        raise ConfigurationError(*problems)
    if default is None:
        return None
    return TlsSettings(certificate=default.certificate, key=default.key, hosts=hosts)


def _pairs(folder: Path, problems: list[str]) -> Iterator[tuple[str, CertificateFiles]]:
    """Yield the name and the files of each folder. Folders without both files are ignored, since
    they may have notes or scripts."""
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        files = [entry / name for name in CERTIFICATE_FILES]
        missing = [path for path in files if not path.is_file()]
        if len(missing) == 1:
            problems.append(
                f"{missing[0]}: does not exist, but {entry} has the other file; add it, or remove "
                f"the folder"
            )
        elif not missing:
            yield entry.name, CertificateFiles(certificate=files[0], key=files[1])


def _by_host(
    found: Mapping[str, CertificateFiles], problems: list[str]
) -> dict[str, CertificateFiles]:
    hosts: dict[str, CertificateFiles] = {}
    for files in found.values():
        try:
            names = _hosts_in(files.certificate)
        except (OSError, ValueError) as exc:
            problems.append(f"{files.certificate}: is not a certificate in PEM format ({exc})")
            continue
        for name in names:
            other = hosts.setdefault(name, files)
            if other is not files:
                problems.append(
                    f"{files.certificate}: is for {name}, as {other.certificate} is; remove one "
                    f"of the two"
                )
    return hosts


def _hosts_in(path: Path) -> list[str]:
    """Return the host names of a certificate: its DNS names, or else the common name (RFC 6125
    §6.4.4). Addresses and other texts are ignored, since clients do not send them (RFC 6066
    §3)."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    try:
        extension = certificate.extensions.get_extension_for_oid(
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME
        )
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        names = [str(name.value) for name in common]
    else:
        assert isinstance(extension.value, x509.SubjectAlternativeName)
        names = extension.value.get_values_for_type(x509.DNSName)
    return [name.lower() for name in names if _HOST.fullmatch(name)]
