"""Which Dataverse do we run on loopback? An emulated organization's Web API."""

from tieline.emulator.dataverse.app import create_dataverse
from tieline.emulator.dataverse.organization import LENIENT, STRICT
from tieline.emulator.dataverse.refusals import Refusal
from tieline.emulator.dataverse.schema import NAVIGATION_NAMES, SOLUTIONS
from tieline.emulator.dataverse.state import DataverseState

__all__ = [
    "LENIENT",
    "NAVIGATION_NAMES",
    "SOLUTIONS",
    "STRICT",
    "DataverseState",
    "Refusal",
    "create_dataverse",
]
