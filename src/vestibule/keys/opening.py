# SPDX-License-Identifier: Apache-2.0
"""From the setting KEYRING to a guarded provider: a directory, ``aws-kms://…`` or ``pkcs11:…``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

from vestibule.errors import ConfigurationError
from vestibule.keys.guard import GuardedProvider
from vestibule.keys.master import SECRET_SETTING, SETTING, MasterKey

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_FORMS = "Give a directory, aws-kms://<region>/ or pkcs11:/path/to/library.so?token=<label>"


def is_directory(keyring: str) -> bool:
    """Does *keyring* name an encrypted key store on this machine?"""
    return _SCHEME.match(keyring) is None


def open_provider(keyring: str, read_secret: Callable[[], MasterKey]) -> GuardedProvider:
    """Who holds the private keys, with the guard before it; *read_secret* is asked where one is needed.

    A service that can't be reached now is no fault: it is asked when a key is used.

    Raises:
        ConfigurationError: *keyring* or the secret can't be right, or an extra is not installed.
    """
    if is_directory(keyring):
        from vestibule.keys.file import FileProvider  # noqa: PLC0415

        return GuardedProvider(FileProvider(Path(keyring), read_secret()))
    parts = _split(keyring)
    if parts.scheme == "aws-kms":
        return _open_aws_kms(parts)
    if parts.scheme == "pkcs11":
        return _open_pkcs11(parts, read_secret)
    raise ConfigurationError(SETTING, f"names no key provider that there is ({parts.scheme})", _FORMS)


def _open_aws_kms(parts: SplitResult) -> GuardedProvider:
    given = _read_query(parts, {"endpoint"})
    region = parts.netloc
    if not _REGION.fullmatch(region) or parts.path not in ("", "/"):
        raise ConfigurationError(SETTING, "does not name a region", "Give aws-kms://eu-central-1/")
    endpoint = given.get("endpoint")
    if endpoint is not None:
        _check_endpoint(endpoint)
    try:
        from vestibule.keys.aws_kms import AwsKmsProvider  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise _lack("kms", error) from None
    return GuardedProvider(AwsKmsProvider(region, endpoint=endpoint))


def _open_pkcs11(parts: SplitResult, read_secret: Callable[[], MasterKey]) -> GuardedProvider:
    label = _read_query(parts, {"token"}).get("token", "")
    library = Path(parts.path)
    if parts.netloc or not label or not library.is_absolute():
        remedy = "Give pkcs11:/path/to/library.so?token=<label>"
        raise ConfigurationError(SETTING, "does not name a library and a token", remedy)
    if not library.is_file():
        remedy = "Install the module's library, or correct the path"
        raise ConfigurationError(SETTING, "names a PKCS#11 library that is not there", remedy)
    try:
        from vestibule.keys.pkcs11 import Pkcs11Provider  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise _lack("pkcs11", error) from None
    provider = Pkcs11Provider(library, label, read_secret().text)
    guarded = GuardedProvider(provider)
    guarded.examine()
    if provider.wrong_pin:
        fault = f"is not the PIN of this token ({provider.wrong_pin})"
        raise ConfigurationError(SECRET_SETTING, fault, "Correct it: a token locks itself after a few tries")
    return guarded


def _split(keyring: str) -> SplitResult:
    try:
        parts = urlsplit(keyring)
    except ValueError:
        raise ConfigurationError(SETTING, "is no URL", _FORMS) from None
    if parts.fragment:
        raise ConfigurationError(SETTING, "has a fragment", _FORMS)
    return parts


def _read_query(parts: SplitResult, known: set[str]) -> Mapping[str, str]:
    given = parse_qsl(parts.query, keep_blank_values=True)
    strange = {name for name, _ in given} - known
    if strange or len(dict(given)) != len(given):
        fault = "has a parameter that it does not know, or one twice"
        raise ConfigurationError(SETTING, fault, f"It takes: {', '.join(sorted(known))}")
    return dict(given)


def _check_endpoint(url: str) -> None:
    parts = _split(url)
    is_loopback = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or parts.username or not (parts.scheme == "https" or is_loopback):
        remedy = "Give https://…; http is for the loopback only"
        raise ConfigurationError(SETTING, "has an endpoint that is not https", remedy)


def _lack(extra: str, error: ModuleNotFoundError) -> ConfigurationError:
    fault = f"needs the extra `{extra}`, which is not installed ({error.name})"
    return ConfigurationError(SETTING, fault, f"pip install 'vestibule[{extra}]'")
