# SPDX-License-Identifier: Apache-2.0
"""The formats of the verifiable log (AUD-03), without I/O and without cryptography beyond hashing.

``leaf`` what is hashed; ``tree`` the Merkle tree (RFC 9162); ``note``, ``checkpoint``, ``proof``, ``trust``
the texts of C2SP; ``receipt`` the promise for one event; ``export`` what an auditor gets. Signatures are made
and checked by callables of the caller. Whatever is malformed raises ``InvalidRequestError``.
"""
