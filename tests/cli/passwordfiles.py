"""What tests of password files share: certificates, a terminal that types, and what a file holds."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, pkcs12
from cryptography.hazmat.primitives.serialization.pkcs7 import pkcs7_decrypt_pem
from cryptography.x509.oid import NameOID, ObjectIdentifier

from tests.conftest import read_csv

#: Document Encryption: what Protect-CmsMessage and ``Unprotect-CmsMessage -To`` ask for.
DOCUMENTS = ObjectIdentifier("1.3.6.1.4.1.311.80.1")
PASSPHRASE = "correct horse battery"


class Terminal(io.BytesIO):
    """Standard input with somebody at it who types *lines*."""

    def __init__(self, *lines: str) -> None:
        super().__init__("".join(f"{line}\n" for line in lines).encode("utf-8"))

    def isatty(self) -> bool:
        return True


class Recipient:
    """A certificate with its private key."""

    def __init__(
        self,
        *,
        bits: int = 2048,
        elliptic: bool = False,
        days: int = 30,
        begins: int = -1,
        enciphers: bool = True,
    ) -> None:
        self.key = (
            ec.generate_private_key(ec.SECP256R1())
            if elliptic
            else rsa.generate_private_key(public_exponent=65537, key_size=bits)
        )
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Help desk")])
        now = datetime.now(UTC)
        usage = x509.KeyUsage(not enciphers, False, enciphers, False, False, False, False, False, False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=min(begins, days - 1)))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([DOCUMENTS]), critical=False)
        )
        self.certificate = builder.sign(self.key, SHA256())

    def write(self, path: Path, encoding: Encoding = Encoding.PEM) -> Path:
        """Write the certificate alone."""
        path.write_bytes(self.certificate.public_bytes(encoding))
        return path

    def write_pfx(self, path: Path) -> Path:
        """Write certificate and private key."""
        assert isinstance(self.key, rsa.RSAPrivateKey)
        path.write_bytes(
            pkcs12.serialize_key_and_certificates(b"desk", self.key, self.certificate, None, NoEncryption())
        )
        return path

    def open(self, cell: str) -> str:
        """Return the password that a cell of a password file holds."""
        return str(self.message(cell)["password"])

    def message(self, cell: str) -> dict[str, str]:
        """Return what is in a encrypted cell: the password, and whose it is."""
        assert isinstance(self.key, rsa.RSAPrivateKey)
        # The library knows the same message under its older name.
        pem = cell.removeprefix("'").replace(" CMS-", " PKCS7-").encode("ascii")
        found: dict[str, str] = json.loads(pkcs7_decrypt_pem(pem, self.certificate, self.key, []))
        return found


def lines_of(path: Path) -> list[dict[str, str]]:
    """Return the lines of a password file as a spreadsheet reads them."""
    return read_csv(path.read_bytes().decode("utf-8-sig"))
