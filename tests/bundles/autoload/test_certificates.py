"""The place ``cert``: the certificate for each host name."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bundles.autoload import create_application
from rxkernel import ConfigurationError
from tests.bundles.autoload.conftest import Folder
from tests.servers.tls import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def issue(authority: Authority, folder: Folder, name: str, *hosts: str) -> Path:
    place = folder.root / "cert" / name
    place.mkdir(parents=True, exist_ok=True)
    authority.issue(name, *hosts, certificate=place / "cert.pem", key=place / "key.pem")
    return place


def problems_of(folder: Folder) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        create_application(folder.root)
    return [problem.replace(f"{folder.root}/", "") for problem in caught.value.problems]


async def test_cert_folders_are_chosen_by_the_host_names_in_them(
    folder: Folder, authority: Authority
) -> None:
    issue(authority, folder, "default", "127.0.0.1")
    issue(authority, folder, "shop", "shop.example", "*.shop.example")
    folder.write({"api/hello/say.py": "access = 'public'\nasync def method(): ...\n"})
    application = create_application(folder.root)
    application.load_settings({"http.port": 0})
    await application.start()

    url = application.servers["http"].url
    assert url is not None
    assert url.startswith("https://")
    async with ClientSession(connector=TCPConnector(ssl=authority.client())) as session:
        for host in (None, "shop.example", "www.shop.example"):  # the client verifies each
            async with session.get(url, server_hostname=host) as response:
                assert response.status == 404
    await application.stop()


def test_cert_single_folder_of_any_name_is_the_default(
    folder: Folder, authority: Authority
) -> None:
    place = issue(authority, folder, "shop", "shop.example")

    tls = create_application(folder.root).settings.http.tls

    assert tls is not None
    assert (tls.certificate, tls.key) == (place / "cert.pem", place / "key.pem")
    assert list(tls.hosts) == ["shop.example"]


@pytest.mark.parametrize(("name", "hosts"), [("Shop.example", ["shop.example"]), ("The shop", [])])
def test_cert_without_alternative_names_is_for_its_common_name(
    folder: Folder, name: str, hosts: list[str]
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8
    folder.write(
        {
            "cert/default/cert.pem": certificate.public_bytes(pem),
            "cert/default/key.pem": key.private_bytes(pem, private, serialization.NoEncryption()),
        }
    )

    tls = create_application(folder.root).settings.http.tls

    assert tls is not None
    assert list(tls.hosts) == hosts


def test_cert_without_certificates_is_plain_http(folder: Folder) -> None:
    folder.write({"cert/default/README.md": "how to make one", "cert/note.txt": "x"})

    assert create_application(folder.root).settings.http.tls is None


def test_cert_problems_are_reported_together(folder: Folder, authority: Authority) -> None:
    issue(authority, folder, "one", "shop.example")
    issue(authority, folder, "two", "shop.example", "other.example")
    issue(authority, folder, "half", "half.example")
    (folder.root / "cert/half/key.pem").unlink()
    issue(authority, folder, "wrong", "wrong.example")
    (folder.root / "cert/wrong/cert.pem").write_text("no certificate")

    found = problems_of(folder)

    assert found[0].startswith("cert/half/key.pem: does not exist, but cert/half has the other")
    assert found[1].startswith("cert: has one and two and wrong; name the folder of the certif")
    assert found[2].startswith("cert/two/cert.pem: is for shop.example, as cert/one/cert.pem is")
    assert found[3].startswith("cert/wrong/cert.pem: is not a certificate in PEM format")


def test_cert_settings_of_the_project_precede_the_folder(
    folder: Folder, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(authority, folder, "default", "127.0.0.1")
    monkeypatch.setenv("RXKERNEL_HTTP_TLS_CERTIFICATE", "other.pem")
    application = create_application(folder.root)

    application.load_settings()

    assert application.settings.http.tls is not None
    assert application.settings.http.tls.certificate == Path("other.pem")


async def test_cert_that_no_setting_reads_is_a_warning(
    folder: Folder, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    issue(authority, folder, "default", "127.0.0.1")

    await folder.boot({"lib/one.py": ""})

    assert "cert has certificates, but http.tls is not set; use create_application" in caplog.text
