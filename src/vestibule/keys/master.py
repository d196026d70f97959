# SPDX-License-Identifier: Apache-2.0
"""What opens an encrypted key store: 32 bytes from a key file, or a passphrase through scrypt."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from vestibule.core.token import mint_nonce, mint_secret_bytes
from vestibule.errors import ConfigurationError
from vestibule.keys.sheets import is_open, read_sheet, write_sheet

RING_FILE = "keyring.json"
SETTING = "VESTIBULE_KEYRING"
SECRET_SETTING = "VESTIBULE_KEYRING_SECRET"  # noqa: S105 - the name of a setting
_KEY_BYTES = 32
_NONCE_BYTES = 12
_ABOUT = b"vestibule-keyring\x001"
# OWASP's first choice for scrypt: 128 MiB, about a quarter of a second, once per process.
_COST, _BLOCK, _LANES = 2**17, 8, 1


@dataclass(frozen=True, slots=True, repr=False)
class MasterKey:
    """What the operator gives; never shown."""

    text: str

    def __repr__(self) -> str:
        return "<MasterKey>"

    def derive(self, salt: bytes) -> bytes:
        """32 bytes: the key itself where it is one in base64, else scrypt of the passphrase."""
        try:
            key = base64.b64decode(self.text, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) == _KEY_BYTES:
            return key
        return Scrypt(salt=salt, length=_KEY_BYTES, n=_COST, r=_BLOCK, p=_LANES).derive(self.text.encode())


def create_store(directory: Path, master: MasterKey) -> None:
    """An empty key store exists at *directory*, for its owner only.

    Raises:
        ConfigurationError: there is something already, or it can't be written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        salt, nonce = mint_secret_bytes(), mint_nonce()
        proof = nonce + AESGCM(master.derive(salt)).encrypt(nonce, b"", _ABOUT)
        members = {"salt": _encode(salt), "proof": _encode(proof)}
        write_sheet(directory / RING_FILE, members)
    except FileExistsError:
        remedy = "Use it, or name a directory that is not there yet"
        raise ConfigurationError(SETTING, "there is a key store already", remedy) from None
    except OSError as error:
        fault = f"the key store can't be made ({type(error).__name__})"
        raise ConfigurationError(SETTING, fault, "Name a directory that can be written") from None


def unlock_store(directory: Path, master: MasterKey) -> AESGCM:
    """The cipher of an existing key store.

    Raises:
        ConfigurationError: there is none, others can read it, or *master* does not open it.
    """
    path = directory / RING_FILE
    try:
        if is_open(directory) or is_open(path):
            fault = "the key store can be read by others on this machine"
            raise ConfigurationError(SETTING, fault, f"chmod 700 {directory.name} and 600 its files")
        members = read_sheet(path)
        salt, proof = (base64.b64decode(members[name], validate=True) for name in ("salt", "proof"))
    except FileNotFoundError:
        fault, remedy = "there is no key store", "Make one with `vestibule keys create`, or correct the path"
        raise ConfigurationError(SETTING, fault, remedy) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        fault = f"{RING_FILE} can't be read ({type(error).__name__})"
        raise ConfigurationError(SETTING, fault, "Restore it from a backup") from None
    cipher = AESGCM(master.derive(salt))
    try:
        cipher.decrypt(proof[:_NONCE_BYTES], proof[_NONCE_BYTES:], _ABOUT)
    except InvalidTag:
        pass
    else:
        return cipher
    raise ConfigurationError(SECRET_SETTING, "does not open this key store", "Give the one it was made with")


def read_secret_file(path: Path) -> MasterKey:
    """The secret in *path*, without the line's end.

    Raises:
        ConfigurationError: it can't be read, is empty, or others can read it.
    """
    setting = SECRET_SETTING + "_FILE"
    try:
        if is_open(path):
            raise ConfigurationError(setting, "can be read by others on this machine", "chmod 600 it")
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        fault = f"can't be read ({type(error).__name__})"
        raise ConfigurationError(setting, fault, "Name a readable file with the secret") from None
    if not text:
        raise ConfigurationError(setting, "is empty", "Make one with: openssl rand -base64 32")
    return MasterKey(text)


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
