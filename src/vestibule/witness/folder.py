# SPDX-License-Identifier: Apache-2.0
"""The folder of a witness: its private key, its name, its memory. Made by ``witness init`` and never else."""

from __future__ import annotations

import os
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from vestibule.auditing.signatures import verify_signature
from vestibule.core.log.note import NoteKey, SignatureType, check_key_name
from vestibule.core.log.trust import TrustPolicy
from vestibule.errors import ConfigurationError
from vestibule.witness.memory import Memory, create_memory
from vestibule.witness.witness import Witness

_KEY = "witness.pem"
_NAME = "name"
_MEMORY = "memory.sqlite"
_SETTING = "FOLDER"


def create_folder(folder: Path, name: str) -> NoteKey:
    """A new witness; its public key.

    Raises:
        ConfigurationError: there is one already, or the folder can't be written.
        InvalidRequestError: *name* is no name for a key.
    """
    check_key_name(name)
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Exclusively: a key that is written over is a witness that has lost its name.
        with os.fdopen(os.open(folder / _KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
        (folder / _NAME).write_text(f"{name}\n", encoding="utf-8")
        create_memory(folder / _MEMORY)
    except FileExistsError:
        raise ConfigurationError(_SETTING, "holds a witness already", "Give another folder") from None
    except OSError as error:
        problem = f"can't be written ({type(error).__name__})"
        raise ConfigurationError(_SETTING, problem, "Give a folder of your own") from None
    return _public(name, private)


def open_witness(folder: Path, trust: TrustPolicy) -> Witness:
    """The witness in *folder*, for the logs that *trust* names.

    Raises:
        ConfigurationError: there is none, others can read its key, or no log is named.
    """
    path = folder / _KEY
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(_SETTING, "has a key that others can read", "chmod 600 witness.pem")
        private = load_pem_private_key(path.read_bytes(), None)
        name = (folder / _NAME).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        problem = f"holds no witness ({type(error).__name__})"
        raise ConfigurationError(_SETTING, problem, "Make one with `vestibule witness init`") from None
    if not isinstance(private, Ed25519PrivateKey) or not (folder / _MEMORY).is_file():
        raise ConfigurationError(_SETTING, "holds no whole witness", "Make one with `vestibule witness init`")
    if not trust.logs:
        raise ConfigurationError("--policy", "names no log", "Add a line: log VKEY")
    return Witness(
        key=_public(name, private),
        sign=private.sign,
        logs=trust.logs,
        memory=Memory(folder / _MEMORY),
        verify=verify_signature,
        clock=lambda: int(time.time()),  # allow: clock because it vouches for when it saw the head
    )


def _public(name: str, private: Ed25519PrivateKey) -> NoteKey:
    return NoteKey(name, SignatureType.COSIGNATURE, private.public_key().public_bytes_raw())
