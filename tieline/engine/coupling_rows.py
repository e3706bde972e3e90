"""Rows of the coupling table, as the stages save them."""

from __future__ import annotations

from typing import Any

COUPLING_DEFAULTS: dict[str, Any] = {
    "bc_id": None,
    "dataverse_id": None,
    "bc_key": None,
    "bc_version": None,
    "dataverse_version": None,
    "bc_modified": None,
    "dataverse_modified": None,
    "to_result": None,
    "from_result": None,
    "to_run": None,
    "from_run": None,
    "skipped": False,
    "pending_to": False,
    "pending_from": False,
    "bc_common": None,
    "dataverse_common": None,
    "unfinished": None,
}


def coupling_row(former: dict[str, Any] | None) -> dict[str, Any]:
    """Return a coupling row to save: the former one's values, or the defaults."""
    if former is None:
        return dict(COUPLING_DEFAULTS)
    return {name: former[name] for name in COUPLING_DEFAULTS}
