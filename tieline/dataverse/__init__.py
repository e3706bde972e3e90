"""Dataverse as the other side: what its Web API does differently from plain OData."""

from __future__ import annotations

from tieline.dataverse.side import Dataverse
from tieline.dataverse.tracking import Deletions

__all__ = ["Dataverse", "Deletions"]
