"""Business Central as one side: what its API does differently from plain OData."""

from __future__ import annotations

from tieline.business_central.side import BusinessCentral

__all__ = ["BusinessCentral"]
