"""Business Central limits the length of a filter by counting its nodes."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.emulator.business_central.conftest import Bench, error_of


@pytest.mark.parametrize("is_by_id", [True, False])
async def test_nineteen_comparisons_pass_and_twenty_do_not(
    bench: Bench, is_by_id: bool
) -> None:
    """The limit of 100 nodes is met with 400 and the service's own sentence."""
    for count, passes in ((19, True), (20, False)):
        terms = [
            f"id eq {uuid4()}" if is_by_id else f"city eq '{n}'" for n in range(count)
        ]
        answer = await bench.ask("GET", f"customers?$filter={' or '.join(terms)}")
        assert (200 if passes else 400) == answer.status_code
        if not passes:
            assert (400, "BadRequest") == error_of(answer)
            text = answer.json()["error"]["message"]
            assert text.startswith("The node count limit of '100' has been exceeded.")


async def test_the_limit_can_be_turned(bench: Bench) -> None:
    """Other services on the same library refuse shorter ones."""
    bench.state.most_nodes = 10
    answer = await bench.ask("GET", "customers?$filter=city eq 'a' or city eq 'b'")
    assert 400 == answer.status_code
