# SPDX-License-Identifier: Apache-2.0
"""Anonymous events: made, taken part in, redeemed, closed."""
