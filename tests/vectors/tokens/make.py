# SPDX-License-Identifier: Apache-2.0
"""The golden tokens, made from fixed keys and secrets: run to write them again, import to compare.

Written without Vestibule's own code but for the opaque token's, so that they can't agree by sharing a fault.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

HERE = Path(__file__).parent
ISSUER = "https://invite.example.com"
NOW = 1_800_000_000
SECRET = bytes(range(32))
ED = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
OTHER = ed25519.Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
P256 = ec.derive_private_key(int.from_bytes(b"\x03" * 32, "big"), ec.SECP256R1())
ED_ID, P256_ID = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
HEAD = {"alg": "Ed25519", "kid": ED_ID, "typ": "inv+jwt"}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": ISSUER,
    "iat": NOW - 3600,
    "exp": NOW + 3600,
    "jti": b64(SECRET),
    "scp": "accept",
}


def dump(document: object) -> str:
    return b64(
        document if isinstance(document, bytes) else json.dumps(document, separators=(",", ":")).encode()
    )


def sign(data: bytes, key: object = ED) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return key.sign(data)


def make(head: object = HEAD, claims: object = CLAIMS, key: object = ED) -> str:
    signed = f"{dump(head)}.{dump(claims)}"
    return f"{signed}.{b64(sign(signed.encode(), key))}"


def with_claims(**changes: Any) -> str:
    return make(claims={**CLAIMS, **changes})


def without(name: str) -> str:
    return make(claims={key: value for key, value in CLAIMS.items() if key != name})


def with_head(**changes: Any) -> str:
    return make(head={**HEAD, **changes})


def hs256(secret: bytes) -> str:
    signed = f"{dump({**HEAD, 'alg': 'HS256'})}.{dump(CLAIMS)}"
    return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def raw_claims(find: str, put: str) -> str:
    return make(claims=json.dumps(CLAIMS, separators=(",", ":")).replace(find, put).encode())


def spellings(token: str) -> list[str]:
    """The other 15 last characters that decode to the same signature bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    place = alphabet.index(token[-1])
    return [
        token[:-1] + alphabet[(place & 0b110000) | low]
        for low in range(16)
        if alphabet[(place & 0b110000) | low] != token[-1]
    ]


def public_forms() -> dict[str, bytes]:
    public, form = ED.public_key(), serialization.PublicFormat
    info = form.SubjectPublicKeyInfo
    return {
        "raw": public.public_bytes(serialization.Encoding.Raw, form.Raw),
        "PEM": public.public_bytes(serialization.Encoding.PEM, info),
        "DER": public.public_bytes(serialization.Encoding.DER, info),
    }


def signed_cases() -> list[tuple[str, str, str]]:
    good = make()
    head, claims, signature = good.split(".")
    exp = f'"exp":{NOW + 3600}'
    return [
        ("Ed25519", good, "probable"),
        ("ES256", make(head={"alg": "ES256", "kid": P256_ID, "typ": "inv+jwt"}, key=P256), "probable"),
        ("59 s past its end, within the leeway", with_claims(exp=NOW - 59), "probable"),
        ("60 s past its end", with_claims(exp=NOW - 60), "expired"),
        ("issued 60 s ahead, within the leeway", with_claims(iat=NOW + 60), "probable"),
        ("issued 61 s ahead", with_claims(iat=NOW + 61), "not_yet"),
        ("C01 an edited claim under the old signature", f"{head}.{dump({**CLAIMS, 'exp': NOW + 7200})}.{signature}", "forged"),
        ("C01 without a signature", f"{head}.{claims}", "shape"),
        ("C01 with an empty signature", f"{head}.{claims}.", "shape"),
        ("signed by another key", make(key=OTHER), "forged"),
        ("C04 an unknown key id", with_head(kid="0" * 32), "unknown_key"),
        ("C04 a path as key id", with_head(kid="../../../../dev/null"), "shape"),
        ("C04 SQL as key id", with_head(kid="' OR 1=1 --"), "shape"),
        ("C02 ES256 over an Ed25519 key", with_head(alg="ES256"), "wrong_algorithm"),
        ("C02 Ed25519 over a P-256 key", with_head(kid=P256_ID), "wrong_algorithm"),
        ("C02 alg none, no signature", f"{dump({**HEAD, 'alg': 'none'})}.{claims}.", "shape"),
        ("C02 alg none, 86 filler characters", f"{dump({**HEAD, 'alg': 'none'})}.{claims}.{'A' * 86}", "shape"),
        *((f"C02 alg {alg!r}", with_head(alg=alg), "shape") for alg in ("None", "nOnE", "", "EdDSA", ["Ed25519"], None, "secret-256", "toString")),
        *((f"C02 HS256 with the public key as {name}", hs256(form), "shape") for name, form in public_forms().items()),
        *((f"an extra header member {name}", with_head(**{name: value}), "shape") for name, value in {
            "jku": "https://evil.example/jwks", "jwk": {"kty": "OKP"}, "x5u": "https://evil.example/x", "x5c": [],
            "crit": ["exp"], "b64": False, "zip": "DEF", "cty": "JWT"}.items()),
        *((f"C03 without {name}", without(name), "shape") for name in CLAIMS),
        ("a claim that nobody asked for", with_claims(email="a@example.com"), "shape"),
        ("C03 a list of audiences", with_claims(aud=[ISSUER]), "shape"),
        ("C03 another audience", with_claims(aud=ISSUER + ".evil.example"), "shape"),
        ("C03 a part of the audience", with_claims(aud="https://invite.example"), "shape"),
        ("another issuer", with_claims(iss="https://other.example.com"), "shape"),
        *((f"C03 an end of {text}", raw_claims(exp, f'"exp":{text}'), "shape") for text in (
            f"{NOW + 3600}.0", f'"{NOW + 3600}"', "true", "1e400", "1E10", "NaN", "-1", "null", "[]", "1" * 30)),
        ("a start of true", raw_claims(f'"iat":{NOW - 3600}', '"iat":true'), "shape"),
        ("another scope", with_claims(scp="preview"), "shape"),
        ("a secret of 16 bytes", with_claims(jti=b64(SECRET[:16])), "shape"),
        ("a secret that is no text", with_claims(jti=1), "shape"),
        ("a secret in another spelling", with_claims(jti=b64(SECRET)[:-1] + "9"), "shape"),
        ("a claim twice", raw_claims(exp, f"{exp},{exp}"), "shape"),
        ("a header member twice", make(head=json.dumps(HEAD, separators=(",", ":")).replace('"alg"', '"alg":"none","alg"').encode()), "shape"),
        ("claims in UTF-16", make(claims=json.dumps(CLAIMS).encode("utf-16")), "shape"),
        ("claims that are a list", make(claims=[CLAIMS] * 1), "shape"),
        *((f"C05 of the type {typ}", with_head(typ=typ), "shape") for typ in ("JWT", "vestibule-id+jwt", "vestibule-schedule+jwt", "vestibule-receipt+jwt", "INV+JWT", "at+jwt")),
        ("C10 plain JSON", json.dumps(CLAIMS), "shape"),
        ("C10 base64 of JSON", dump(CLAIMS), "shape"),
        ("C10 five parts, as a JWE has", f"{good}.{claims}.{signature}", "shape"),
        *((f"another last character, {place}", text, "shape") for place, text in enumerate(spellings(good), 1)),
        *((f"{count} characters short", good[:-count], "shape") for count in (1, 2, 43, 86, 87, 200)),
        *((f"{count} characters long", good + "A" * count, "shape") for count in (1, 2, 43, 64)),
        ("padded", good + "==", "shape"),
        ("a space after it", good + " ", "shape"),
        ("a line end after it", good + "\n", "shape"),
        ("too long", make(claims={**CLAIMS, "pad": "x" * 500}), "shape"),
    ]  # fmt: skip


def opaque_cases() -> list[tuple[str, str, str]]:
    from vestibule.core import token  # noqa: PLC0415 - for this list alone

    number = int.from_bytes(SECRET, "big")
    start = "vst_" + token._base62(number, 43)
    good = start + token._checksum(start)
    return [
        ("opaque", good, "probable"),
        ("another checksum", good[:-1] + ("0" if good[-1] != "0" else "1"), "shape"),
        ("another character", good[:10] + ("a" if good[10] != "a" else "b") + good[11:], "shape"),
        ("short", good[:-1], "shape"),
        ("long", good + "0", "shape"),
        ("another prefix", "vsx_" + good[4:], "shape"),
        ("upper case", good.upper(), "shape"),
        ("a space after it", good + " ", "shape"),
        ("a line end after it", good + "\n", "shape"),
        ("empty", "", "shape"),
    ]


def jwks() -> dict[str, Any]:
    point = P256.public_key().public_numbers()
    return {
        "keys": [
            {"kty": "OKP", "crv": "Ed25519", "x": b64(public_forms()["raw"]), "kid": ED_ID, "alg": "Ed25519", "use": "sig"},
            {"kty": "EC", "crv": "P-256", "x": b64(point.x.to_bytes(32, "big")), "y": b64(point.y.to_bytes(32, "big")), "kid": P256_ID, "alg": "ES256", "use": "sig"},
        ]
    }  # fmt: skip


def documents() -> dict[str, str]:
    """File name -> text."""
    about = {"issuer": ISSUER, "now": NOW, "jwks": jwks()}
    lists = {"signed": signed_cases(), "opaque": opaque_cases()}
    return {
        f"{kind}.json": json.dumps(
            {
                **about,
                "cases": [
                    {"name": name, "token": token, "verdict": verdict} for name, token, verdict in cases
                ],
            },
            indent=1,
        )
        + "\n"
        for kind, cases in lists.items()
    }


if __name__ == "__main__":
    for name, text in documents().items():
        (HERE / name).write_text(text, encoding="utf-8")
