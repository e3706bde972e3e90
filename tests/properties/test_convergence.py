"""Both sides edited at random, then synchronized: equal, and the next run idle."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.postgres import fresh_database
from tests.properties.customers import Customers
from tests.properties.machine import Convergence
from tests.properties.persons import Persons
from tests.world import Ground

MACHINES = ("customers", "persons")


def _search(
    machine: type[Convergence],
    base: Ground,
    server: str | None,
    *,
    examples: int,
    steps: int,
) -> None:
    def new_store(stack: ExitStack) -> str:
        return stack.enter_context(fresh_database(server)) if server else ""

    class Machine(machine):  # type: ignore[misc, valid-type]
        ground = base

    Machine.new_store = staticmethod(new_store)  # type: ignore[assignment]
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            # To shrink a failure takes minutes: the steps are told as they were found.
            phases=(Phase.generate,),
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize(
    ("machine", "examples"), [(Customers, 9), (Persons, 6)], ids=MACHINES
)
def test_random_edits_converge(base, machine, examples):
    """The short form, for every change of the code."""
    _search(machine, base, None, examples=examples, steps=15)


def test_random_edits_converge_on_postgresql(base, postgres_server):
    """The same on the other store, fewer examples."""
    _search(Customers, base, postgres_server, examples=3, steps=10)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("machine", [Customers, Persons], ids=MACHINES)
def test_random_edits_converge_at_length(base, machine):
    """The long form."""
    _search(machine, base, None, examples=1000, steps=30)
