# SPDX-License-Identifier: Apache-2.0
"""Four processes under four database roles, on a real PostgreSQL: they do their part, and can't do another's."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import psycopg
import pytest

from tests.cli.conftest import Run
from tests.cli.terminal import read_document, run_process, started
from tests.delivery.servers import CapturingServer as CapturingServer  # noqa: PLC0414
from tests.identity.signing import EdSigner, b64, dump, jwks
from tests.servers import PostgresServer
from tests.web.separated import grant_roles
from vestibule.core.process import ProcessRole
from vestibule.storage.grants import RIGHTS, parse_rights
from vestibule.storage.create import VERSION_TABLE
from vestibule.storage.rights import DATABASE_ROLES
from vestibule.storage.schema import metadata
