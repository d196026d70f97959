# SPDX-License-Identifier: Apache-2.0
"""The auditor's side: verify a tenant's export offline, without the service, its database or a network."""
