# SPDX-License-Identifier: Apache-2.0
"""What may become a connection: the checks of a draft, each fault with its pointer.

An issuer that many organisations share must be named for the provider it is: taken as somebody's own
directory, it would let everybody in there claim everybody's address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from vestibule.core.account import LOCAL_CONNECTION
from vestibule.core.connection import ENTRA_ISSUER, ConnectionDraft, Provider
from vestibule.core.naming import check_name
from vestibule.errors import FieldFault, InvalidRequestError

ISSUER_MAX = 200
CLIENT_ID_MAX = 255
SECRET_MAX = 4096
CONNECTION_NAME_MAX = 100
# RFC 8176: what a connection's map may translate to.
AMR_VALUES = frozenset(
    ("face", "fpt", "geo", "hwk", "iris", "kba", "mca", "mfa", "otp", "pin", "pop", "pwd", "rba")
) | frozenset(("retina", "sc", "sms", "swk", "tel", "user", "vbm", "wia"))
# Connections that are no OpenID provider: no other may have their name.
BUILT_IN = frozenset({LOCAL_CONNECTION, "host"})
_FIXED_ISSUERS: Mapping[str, str] = MappingProxyType(
    {"google": "https://accounts.google.com", "apple": "https://appleid.apple.com", "entra": ENTRA_ISSUER}
)
_SHARED_HOSTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "accounts.google.com": ("google",),
        "appleid.apple.com": ("apple",),
        "login.microsoftonline.com": ("entra", "entra_single"),
        "sts.windows.net": (),
    }
)
# Where everybody can make an account: a directory in form only.
_PERSONAL_ACCOUNTS = "9188040d-6c67-4c5b-b112-36a304b66dad"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def choose_issuer(provider: Provider, given: str | None) -> str:
    """The issuer as given, or the one that such a provider has."""
    return given if given is not None else _FIXED_ISSUERS.get(provider, "")


def check_draft(draft: ConnectionDraft, *, is_tenants: bool, allows_loopback: bool) -> None:
    """*draft* can be a connection of a tenant, or of the deployment.

    Raises:
        InvalidRequestError: it can't; every fault has its pointer.
    """
    check_name("/name", draft.name, CONNECTION_NAME_MAX)
    faults = [*_issuer_faults(draft, allows_loopback=allows_loopback)]
    if not is_tenants and draft.provider == "entra_single":
        faults.append(FieldFault("/provider", "One Microsoft directory is a tenant's own connection."))
    for pointer, text, most in (
        ("/client_id", draft.client_id, CLIENT_ID_MAX),
        ("/client_secret", draft.secret, SECRET_MAX),
    ):
        if text is not None and (not 0 < len(text) <= most or not text.isascii() or not text.isprintable()):
            faults.append(FieldFault(pointer, f"Give 1 to {most} printable ASCII characters."))
    for given, meant in draft.amr_map.items():
        if not 0 < len(given) <= 64 or not given.isprintable() or len(draft.amr_map) > 50:
            faults.append(
                FieldFault("/amr_map", "Give at most 50 values of the provider, 64 characters each.")
            )
        if meant not in AMR_VALUES:
            faults.append(FieldFault("/amr_map", "Translate to values of RFC 8176, such as mfa, otp or pwd."))
    if faults:
        raise InvalidRequestError(*faults)


def _issuer_faults(draft: ConnectionDraft, *, allows_loopback: bool) -> Iterator[FieldFault]:
    fixed = _FIXED_ISSUERS.get(draft.provider)
    if fixed is not None:
        if draft.issuer != fixed:
            yield FieldFault("/issuer", f"This provider's issuer is {fixed}.")
        return
    try:
        parts = urlsplit(draft.issuer)
        host, _ = parts.hostname, parts.port
    except ValueError:
        yield FieldFault("/issuer", "Give the provider's issuer, an https URL.")
        return
    is_loopback = allows_loopback and parts.scheme == "http" and host in _LOOPBACK
    is_plain = not (parts.query or parts.fragment or parts.username or parts.password or "|" in draft.issuer)
    if not host or not is_plain or not (parts.scheme == "https" or is_loopback):
        yield FieldFault("/issuer", "Give the provider's issuer, an https URL without query or fragment.")
    elif len(draft.issuer) > ISSUER_MAX or not draft.issuer.isascii() or not draft.issuer.isprintable():
        yield FieldFault("/issuer", f"Give at most {ISSUER_MAX} printable ASCII characters.")
    elif draft.provider not in _SHARED_HOSTS.get(host.rstrip("."), (draft.provider,)):
        yield FieldFault("/provider", "Many organisations share that issuer; name the provider it is.")
    elif draft.provider == "entra_single" and not _is_directory(parts.path):
        yield FieldFault("/issuer", "Give https://login.microsoftonline.com/<directory id>/v2.0.")


def _is_directory(path: str) -> bool:
    tid, slash, rest = path.removeprefix("/").partition("/")
    is_one = len(tid) == 36 and tid.count("-") == 4 and tid != _PERSONAL_ACCOUNTS
    return bool(slash) and rest == "v2.0" and is_one
