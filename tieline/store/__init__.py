"""Where couplings, watermarks, intents and the journal are kept: here alone."""

from tieline.store.rows import (
    Coupling,
    Direction,
    ErrorRow,
    IntentRow,
    JournalRow,
    OptionRow,
    Outcome,
    Plan,
    PlanRow,
    Result,
)
from tieline.store.store import Store

__all__ = [
    "Coupling",
    "Direction",
    "ErrorRow",
    "IntentRow",
    "JournalRow",
    "OptionRow",
    "Outcome",
    "Plan",
    "PlanRow",
    "Result",
    "Store",
]
