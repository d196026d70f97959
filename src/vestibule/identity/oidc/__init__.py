# SPDX-License-Identifier: Apache-2.0
"""Our side of OpenID Connect: the code flow with PKCE, against whatever a provider may do."""

from __future__ import annotations

from vestibule.identity.oidc.party import OpenIdParty
from vestibule.identity.oidc.sealing import SecretSealer, sealing_key_id

__all__ = ["OpenIdParty", "SecretSealer", "sealing_key_id"]
