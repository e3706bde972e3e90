"""State and status reason of a row after a write."""

from __future__ import annotations

from emulator.dataverse.refusals import wrong_status
from emulator.dataverse.schema import Table
from emulator.dataverse.storage import Row


def settle_status(table: Table, row: Row, old: Row | None, values: Row) -> None:
    """Complete `row` so that its status reason belongs to its state.

    A status alone stays within the row's state; a state alone brings its first
    status. New rows start in the default state.

    Raises:
        Refusal: the two do not fit, or a new row is to start elsewhere.
    """
    if "statecode" not in table.columns or not table.state_of:
        return
    default = table.columns["statecode"].default
    base = default if old is None else old["statecode"]
    state = values.get("statecode")
    state = base if state is None else state
    status = values.get("statuscode")
    if old is None and state != default:
        raise _mismatch(table, row, status if status is not None else state, default)
    if status is None:
        status = (row if old is None else old)["statuscode"]
        if table.state_of.get(status) != state:
            status = next(
                one for one, belongs in table.state_of.items() if belongs == state
            )
    if table.state_of.get(status) != state:
        raise _mismatch(table, row, status, state)
    row["statecode"], row["statuscode"] = state, status


def _mismatch(table: Table, row: Row, status: int, state: int) -> Exception:
    name = table.columns["statecode"].options[state]
    return wrong_status(status, name, table.schema_name, row[table.key])
