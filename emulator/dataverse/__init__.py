"""Emulator of a Dataverse organization's Web API on loopback."""

from emulator.dataverse.app import create_dataverse
from emulator.dataverse.organization import LENIENT, STRICT
from emulator.dataverse.refusals import Refusal
from emulator.dataverse.schema import NAVIGATION_NAMES, SOLUTIONS
from emulator.dataverse.state import DataverseState

__all__ = [
    "LENIENT",
    "NAVIGATION_NAMES",
    "SOLUTIONS",
    "STRICT",
    "DataverseState",
    "Refusal",
    "create_dataverse",
]
