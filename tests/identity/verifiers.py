# SPDX-License-Identifier: Apache-2.0
"""Verifiers of the host in ``signing``, and the one refusal with its neighbouring success."""

from __future__ import annotations

import pytest

from tests.identity.signing import AUDIENCE, ISSUER, NOW, EdSigner, P256Signer, assertion, jwks
from vestibule.errors import NotAuthenticatedError
from vestibule.identity.assertion import AssertionVerifier
from vestibule.identity.jwks import StaticKeys, parse_jwks

ED, P256 = EdSigner(), P256Signer()
BOTH = AssertionVerifier(StaticKeys(parse_jwks(jwks(ED, P256))), ISSUER, AUDIENCE, lambda: NOW)
ONLY_ED = AssertionVerifier(StaticKeys(parse_jwks(jwks(ED))), ISSUER, AUDIENCE, lambda: NOW)


def assert_refused(jws: str, verifier: AssertionVerifier = BOTH) -> None:
    with pytest.raises(NotAuthenticatedError) as caught:
        verifier.verify(jws)
    # The same error for everything: no cause, no context, no text of its own.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert str(caught.value) == str(NotAuthenticatedError())
    # The neighbouring success, so that no refusal passes by accident.
    assert verifier.verify(assertion(ED)).principal_id == "user-7"
