"""Encrypts passwords with a certificate, with a passphrase, or not at all."""

import base64
import json
import os
import textwrap
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options

from bulkps.errors import UsageProblem
from bulkps.exchange.calls_and_outcomes import Secret
from bulkps.exchange.powershell_quoting import quoted

#: The fewest characters of a passphrase.
SHORTEST = 12
#: The beginning of a text that is encrypted for a certificate; PowerShell recognizes CMS only by this line.
CMS = "-----BEGIN CMS-----"
#: The beginning of a text that is encrypted with a passphrase.
SCRYPT = "scrypt-aes256gcm"
# OWASP's parameters for scrypt: 128 MiB and half a second for each guess.
_COST = (2**17, 8, 1)
_NONCE = 12
#: Below this RSA is no longer considered safe (NIST SP 800-131A).
_SMALLEST_KEY = 2048
_EXPECTED = "expected an X.509 certificate with an RSA public key of at least 2048 bits, PEM or DER (.cer)"


#: The owner of a password, by the columns of the file; an encrypted password is bound to its owner.
Owner = Mapping[str, str]


class Encryptor(Protocol):
    """A way to write passwords."""

    @property
    def meaning(self) -> str:
        """Who can read them, as the end of a sentence."""
        ...

    def advice(self, path: Path) -> str:
        """Return how to read the passwords in the file *path*, as a sentence."""
        ...

    def encrypt(self, secret: Secret, owner: Owner) -> str:
        """Return *secret* as the file may hold it, bound to its *owner* if it is encrypted."""
        ...


@dataclass(frozen=True)
class ForCertificate:
    """Each password is a CMS message that only the certificate's private key can open.

    Attributes:
        certificate: The recipient's certificate.
    """

    certificate: x509.Certificate

    @property
    def meaning(self) -> str:
        """Who can read them."""
        return f"encrypted for certificate {_called(self.certificate)}"

    def advice(self, path: Path) -> str:
        """Return how they are read."""
        return (
            f"Import-Csv {quoted(str(path))} | ForEach-Object {{ $_.password | Unprotect-CmsMessage | "
            "ConvertFrom-Json } shows them with their users, on the computer that has the private key"
        )

    def encrypt(self, secret: Secret, owner: Owner) -> str:
        """Return *secret* as a CMS EnvelopedData message, armoured as Unprotect-CmsMessage expects it.

        CMS cannot bind a message to anything outside it, so the owner is inside the message: a JSON object
        with *owner* and the password.
        """
        builder = PKCS7EnvelopeBuilder().set_data(
            json.dumps({**owner, "password": secret.reveal()}).encode("ascii")
        )
        builder = builder.set_content_encryption_algorithm(algorithms.AES256).add_recipient(self.certificate)
        # The library's own PEM says PKCS7, which Unprotect-CmsMessage does not accept.
        message = base64.b64encode(builder.encrypt(Encoding.DER, [PKCS7Options.Binary])).decode("ascii")
        return "\n".join([CMS, *textwrap.wrap(message, 64), "-----END CMS-----"])


@dataclass(frozen=True)
class WithPassphrase:
    """Each password is encrypted with a key that scrypt derives from a passphrase.

    Attributes:
        key: The derived key; the passphrase itself is not kept.
        salt: The salt that it was derived with.
    """

    key: AESGCM = field(repr=False)
    salt: bytes

    @property
    def meaning(self) -> str:
        """Who can read them."""
        return "encrypted with your passphrase"

    def advice(self, path: Path) -> str:
        """Return how they are read."""
        typed = f'"{path}"' if " " in str(path) else path
        return f"bulkps passwords {typed} asks for the passphrase and shows them"

    def encrypt(self, secret: Secret, owner: Owner) -> str:
        """Return *secret* encrypted and bound to *owner*, with everything except the passphrase."""
        nonce = os.urandom(_NONCE)
        box = nonce + self.key.encrypt(nonce, secret.reveal().encode("utf-8"), _bound(owner))
        return ":".join([SCRYPT, *map(str, _COST), _text(self.salt), _text(box)])


@dataclass(frozen=True)
class Plain:
    """Passwords in plain text, only if explicitly asked for."""

    @property
    def meaning(self) -> str:
        """Who can read them."""
        return "in plain text: anyone who reads the file can sign in as these users"

    def advice(self, path: Path) -> str:
        """Return how they are read."""
        return "hand out the passwords, then delete the file permanently"

    def encrypt(self, secret: Secret, owner: Owner) -> str:
        """Return *secret* as it is."""
        return secret.reveal()


def for_certificate(path: Path, now: datetime | None = None) -> ForCertificate:
    """Return the encryptor for the certificate in the file *path*.

    Args:
        path: PEM or DER.
        now: When it must be valid, with a time zone; None for now.

    Raises:
        UsageProblem: If passwords cannot be encrypted for it.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageProblem(f"cannot read {path}: {error.strerror or error}; nothing was sent") from error
    pem = b"-----BEGIN" in data
    try:
        found = x509.load_pem_x509_certificate(data) if pem else x509.load_der_x509_certificate(data)
        problem, todo = _problem(found, now or datetime.now(UTC))
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        problem = "no certificate that can be read"
        todo = "export the certificate without its private key: Export-Certificate -FilePath to.cer"
    if problem:
        raise UsageProblem(f"{path}: found {problem}, {_EXPECTED}; nothing was sent. Next: {todo}")
    return ForCertificate(found)


def _problem(certificate: x509.Certificate, now: datetime) -> tuple[str, str]:
    """Return what is wrong with *certificate* and what to do; two empty texts if it is valid."""
    name, key = _called(certificate), certificate.public_key()
    another = "use another certificate, or create one: New-SelfSignedCertificate -Type DocumentEncryptionCert"
    if not isinstance(key, rsa.RSAPublicKey):
        return f"{name}, whose key is not an RSA key ({type(key).__name__})", another
    if key.key_size < _SMALLEST_KEY:
        return f"{name} with an RSA key of {key.key_size} bits", another
    if now > certificate.not_valid_after_utc:
        ended = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        return f"{name}, which expired on {ended}", f"renew it, or {another}"
    if now < certificate.not_valid_before_utc:
        begins = f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        return f"{name}, which is valid only from {begins}", f"check this computer's clock, or {another}"
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        # Without the extension a key may be used for everything (RFC 5280, 4.2.1.3).
        return "", ""
    if not usage.key_encipherment:
        return f"{name}, whose key usage does not allow key encipherment", another
    return "", ""


def _called(certificate: x509.Certificate) -> str:
    return certificate.subject.rfc4514_string() or f"the one with serial number {certificate.serial_number:x}"


def with_passphrase(passphrase: Secret) -> WithPassphrase:
    """Return the encryptor for *passphrase*.

    Raises:
        UsageProblem: If it is too short.
    """
    length = len(_normal(passphrase.reveal()))
    if length < SHORTEST:
        raise UsageProblem(
            f"the passphrase has {length} characters, expected at least {SHORTEST}; nothing was sent"
        )
    salt = os.urandom(16)
    return WithPassphrase(_derived(passphrase, salt, _COST), salt)


class WrongPassphrase(UsageProblem):
    """The passphrase does not decrypt the text, or the text was changed."""


class Decryptor:
    """Decrypts what was encrypted with a passphrase.

    Args:
        passphrase: The passphrase.
    """

    def __init__(self, passphrase: Secret) -> None:
        self._passphrase = passphrase
        self._keys: dict[tuple[bytes, tuple[int, ...]], AESGCM] = {}

    def decrypt(self, encrypted: str, owner: Owner) -> Secret:
        """Return what *encrypted* holds for *owner*.

        Raises:
            WrongPassphrase: If it does not open.
        """
        try:
            _, n, r, p, salt, box = encrypted.split(":")
            key = self._key(_bytes(salt), (int(n), int(r), int(p)))
            data = _bytes(box)
            return Secret(key.decrypt(data[:_NONCE], data[_NONCE:], _bound(owner)).decode("utf-8"))
        except (ValueError, InvalidTag) as error:
            raise WrongPassphrase("the passphrase is not the one that it was encrypted with") from error

    def _key(self, salt: bytes, cost: tuple[int, int, int]) -> AESGCM:
        if cost != _COST:
            # Otherwise a manipulated file could use up all memory.
            raise ValueError("these are not our parameters")
        if (salt, cost) not in self._keys:
            self._keys[salt, cost] = _derived(self._passphrase, salt, cost)
        return self._keys[salt, cost]


def salt_of(encrypted: str) -> str:
    """Return the salt of a text that was encrypted with a passphrase: all lines of a file share it."""
    return ":".join(encrypted.split(":")[:5])


def _bound(owner: Owner) -> bytes:
    return json.dumps(dict(owner), sort_keys=True).encode("ascii")


def _derived(passphrase: Secret, salt: bytes, cost: tuple[int, int, int]) -> AESGCM:
    n, r, p = cost
    derive = Scrypt(salt=salt, length=32, n=n, r=r, p=p).derive
    return AESGCM(derive(_normal(passphrase.reveal()).encode("utf-8")))


def _normal(passphrase: str) -> str:
    # One keyboard sends a letter with its accent as one character, another as two.
    return unicodedata.normalize("NFC", passphrase)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii"))
