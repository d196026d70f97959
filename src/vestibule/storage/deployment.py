# SPDX-License-Identifier: Apache-2.0
"""The one row of the deployment's own policy, as other statements read it beside a tenant's."""

from __future__ import annotations

import sqlalchemy as sa

from vestibule.storage.schema import deployment

DEPLOYMENT_ID = 1
_ROW = deployment.c.deployment_id == DEPLOYMENT_ID
BASE_POLICY = sa.select(deployment.c.policy).where(_ROW).scalar_subquery().label("base_policy")
