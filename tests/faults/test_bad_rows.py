"""One per cent bad rows in a bulk load: the good ones land, each bad one is told."""

from __future__ import annotations

TO, FROM = "to-dataverse", "from-dataverse"
ROWS = 500
BAD = range(7, ROWS, 100)
MORE_THAN_DATAVERSE_HOLDS = 950_000_000_000_000


def test_bad_rows_towards_dataverse_stand_alone(world):
    """CreateMultiple is all or nothing; the refused set is narrowed down."""
    for number in range(ROWS):
        limit = MORE_THAN_DATAVERSE_HOLDS if number in BAD else 1
        world.customer(f"Customer {number}", creditLimit=limit)
    report = world.run("CUSTOMER", create_new=True)
    assert {"inserted": ROWS - len(BAD), "failed": len(BAD)} == world.counts(report, TO)
    names = {row["name"] for row in world.dv.rows("account")}
    assert {f"Customer {n}" for n in range(ROWS) if n not in BAD} == names
    bad_ids = {
        row["id"]
        for row in world.company.rows("customers")
        if row["creditLimit"] == MORE_THAN_DATAVERSE_HOLDS
    }
    assert bad_ids == {error.source_id for error in report.errors}
    assert all("creditlimit" in error.message for error in report.errors)


def test_bad_changes_towards_dataverse_stand_alone(world):
    """UpdateMultiple likewise."""
    ids = [world.customer(f"Customer {n}", creditLimit=1)["id"] for n in range(ROWS)]
    world.run("CUSTOMER", create_new=True, direction=TO)
    for number, id_ in enumerate(ids):
        limit = MORE_THAN_DATAVERSE_HOLDS if number in BAD else 2
        world.edit_customer(id_, creditLimit=limit)
    report = world.run("CUSTOMER", direction=TO)
    assert {"modified": ROWS - len(BAD), "failed": len(BAD)} == world.counts(report, TO)
    limits = [row["creditlimit"] for row in world.dv.rows("account")]
    assert [1] * len(BAD) + [2] * (ROWS - len(BAD)) == sorted(limits)
    assert {ids[number] for number in BAD} == {
        error.source_id for error in report.errors
    }


def test_bad_rows_towards_business_central_stand_alone(world):
    """The standard API refuses customers without a name, each for itself."""
    world.bc.companion = False
    for number in range(ROWS):
        world.account("" if number in BAD else f"Account {number}")
    report = world.run("CUSTOMER", create_new=True, direction=FROM)
    expected = {"inserted": ROWS - len(BAD), "failed": len(BAD)}
    assert expected == world.counts(report, FROM)
    names = {row["displayName"] for row in world.company.rows("customers")}
    assert {f"Account {n}" for n in range(ROWS) if n not in BAD} == names
    nameless = {r["accountid"] for r in world.dv.rows("account") if not r["name"]}
    assert nameless == {error.source_id for error in report.errors}
    assert all("displayName" in error.message for error in report.errors)
