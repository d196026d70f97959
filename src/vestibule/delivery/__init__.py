# SPDX-License-Identifier: Apache-2.0
"""From an outbox message to a mail in somebody's mailbox: render, send, retry."""
