# SPDX-License-Identifier: Apache-2.0
"""Prometheus metrics with bounded label sets: no address, token, tenant or principal is ever a label."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "vestibule_requests_total", "HTTP requests.", ("route", "method", "status"), registry=REGISTRY
)
SECONDS = Histogram(
    "vestibule_request_seconds",
    "Time to answer, refusal deadlines included.",
    ("route",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)
ISSUED = Counter("vestibule_issued_total", "Invitations issued or resent.", ("act",), registry=REGISTRY)
CLAIMS = Counter(
    "vestibule_claims_total",
    "Previews, accepts and declines by private outcome.",
    ("act", "outcome"),
    registry=REGISTRY,
)
ENVELOPES = Counter(
    "vestibule_envelopes_total", "Signed links presented, by finding.", ("finding",), registry=REGISTRY
)
REVOKED = Counter("vestibule_revoked_total", "Invitations revoked by hand.", registry=REGISTRY)
THROTTLED = Counter("vestibule_throttled_total", "Answers 429.", ("route",), registry=REGISTRY)
REFUSED_MAIL = Counter(
    "vestibule_refused_mail_total",
    "Recipients who blocked or reported a tenant.",
    ("act",),
    registry=REGISTRY,
)
OVERRUNS = Counter(
    "vestibule_refusal_floor_overrun_total",
    "Refusals that came later than their deadline.",
    registry=REGISTRY,
)
OUTBOX_DUE = Gauge("vestibule_outbox_due", "Outbox messages that are due.", registry=REGISTRY)
OUTBOX_AGE = Gauge("vestibule_outbox_oldest_seconds", "Age of the oldest due message.", registry=REGISTRY)
DELIVERIES = Counter(
    "vestibule_deliveries_total", "Deliveries by kind and outcome.", ("kind", "outcome"), registry=REGISTRY
)
KEY_CALLS = Counter(
    "vestibule_key_provider_calls_total",
    "Calls of the key provider by outcome: ok, refused, failed, slow, wrong, open, busy.",
    ("provider", "operation", "outcome"),
    registry=REGISTRY,
)
KEY_SECONDS = Histogram(
    "vestibule_key_provider_seconds",
    "Time until the key provider answered.",
    ("provider", "operation"),
    buckets=(0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
    registry=REGISTRY,
)
KEY_BREAKER = Gauge(
    "vestibule_key_provider_breaker",
    "The circuit breaker: 0 closed, 1 half-open, 2 open.",
    ("provider",),
    registry=REGISTRY,
)

SEALED = Counter("vestibule_sealed_events_total", "Audit events sealed by this process.", registry=REGISTRY)
UNSEALABLE = Counter(
    "vestibule_unsealable_events_total",
    "Queued audit events whose row was gone or malformed.",
    registry=REGISTRY,
)
UNSEALED = Gauge("vestibule_unsealed_events", "Audit events that wait to be sealed.", registry=REGISTRY)
SEAL_LAG = Gauge("vestibule_seal_lag_seconds", "Age of the oldest unsealed event.", registry=REGISTRY)
SIGNING_FAILED = Counter(
    "vestibule_signing_failures_total",
    "Signatures that a key's provider failed to make.",
    ("purpose",),
    registry=REGISTRY,
)


def render_metrics() -> bytes:
    """The exposition format."""
    return generate_latest(REGISTRY)
