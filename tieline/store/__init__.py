"""Where couplings, watermarks, intents and the journal are kept: here alone."""

from tieline.store.job_store import JobStore
from tieline.store.rows import (
    Coupling,
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
    "ErrorRow",
    "IntentRow",
    "JobStore",
    "JournalRow",
    "OptionRow",
    "Outcome",
    "Plan",
    "PlanRow",
    "Result",
    "Store",
]
