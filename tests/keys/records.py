# SPDX-License-Identifier: Apache-2.0
"""Records of keys as the database would keep them."""

from __future__ import annotations

from datetime import UTC, datetime

from vestibule.core.keys import Algorithm, KeyRecord, mint_key_id
from vestibule.ports import KeyProvider


def make_key(provider: KeyProvider, purpose: str = "claim", algorithm: Algorithm | None = None) -> KeyRecord:
    """A new key of *provider*; of the algorithm that it signs with, where none is named."""
    key_id, chosen = mint_key_id(), algorithm or provider.signing
    made = provider.create(key_id, purpose, chosen)
    return KeyRecord(
        key_id=key_id,
        purpose=purpose,
        algorithm=chosen,
        provider=provider.scheme,
        reference=made.reference,
        public_key=made.public_key,
        created_at=datetime(2026, 11, 21, tzinfo=UTC),
    )
