"""What the service assigns is known even when its answer was lost."""

from __future__ import annotations

import pytest

from emulator.faults import Fault
from tests.faults.wire import hurry


@pytest.mark.parametrize("kind", ["reset-after", "timeout-after"])
def test_the_number_of_a_created_customer_is_known(world, monkeypatch, kind):
    """The row is read back whole: others look the customer up by its number."""
    hurry(monkeypatch)
    account = world.account("Litware")
    fault = world.bc.faults.add(
        Fault(kind, path=r"\$batch", nth=1, count=1, seconds=2.0)
    )
    report = world.run("CUSTOMER", create_new=True)
    assert 1 == fault.fired
    assert {"inserted": 1} == world.counts(report, "from-dataverse")
    (customer,) = world.company.rows("customers")
    with world.open_store() as store:
        keys = store.by_key(world.company.id, "CUSTOMER", [customer["number"]])
    assert {customer["number"]: (customer["id"], account)} == keys
