"""Emulator of the Business Central APIs on loopback.

`create_business_central(BusinessCentralState())` is the service; the state is what
tests turn and read.
"""

from emulator.business_central.application import create_business_central
from emulator.business_central.refusals import Refusal
from emulator.business_central.state import (
    BusinessCentralState,
    LiveCompany,
)

__all__ = [
    "BusinessCentralState",
    "LiveCompany",
    "Refusal",
    "create_business_central",
]
