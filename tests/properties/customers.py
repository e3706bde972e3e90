"""CUSTOMER: customers and accounts, edited at random on both sides."""

from __future__ import annotations

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.properties.ending import Ending
from tests.properties.fields import (
    BY_NAME,
    FIELDS,
    account_values,
    customer_values,
)
from tests.properties.machine import PICK, SIDES
from tests.properties.moves import PAUSES, texts

ACTIVE = {"statecode": 0, "statuscode": 1}
INACTIVE = {"statecode": 1, "statuscode": 2}


class Customers(Ending):
    """Names and addresses, currencies, salespeople, blocking, credit limits."""

    job = "CUSTOMER"
    tables: ClassVar = {"bc": "customers", "dataverse": "account"}
    names = tuple(field.bc for field in FIELDS)

    def prepare(self) -> None:
        self.limited: set[str] = set()

    def edit_one(self, side: str, id_: str, values: dict[str, Any]) -> None:
        super().edit_one(side, id_, values)
        if "creditLimit" in values:
            self.limited.add(id_)

    def first(self, side: str) -> dict[str, Any]:
        values = {"displayName": "First", "city": "Ghent", "phoneNumber": "1"}
        return values if side == "bc" else values | {"customertypecode": 3}

    def records(self, side: str) -> dict[str, dict[str, Any]]:
        scene = self.scene
        return scene.customers() if side == "bc" else scene.accounts()

    def values(self, side: str) -> dict[str, dict[str, str]]:
        if side == "bc":
            return {i: customer_values(row) for i, row in self.records(side).items()}
        world = self.scene.world
        return {i: account_values(world, row) for i, row in self.records(side).items()}

    def body(self, side: str, values: dict[str, Any]) -> dict[str, Any]:
        if side == "bc":
            return values
        sent = dict(values)
        if code := sent.pop("currencyCode", None):
            assert "SEK" == code
            bind = f"/transactioncurrencies({self.scene.krona})"
            sent["transactioncurrencyid@odata.bind"] = bind
        return {
            BY_NAME[key].dataverse if key in BY_NAME else key: value
            for key, value in sent.items()
        }

    def outside(self) -> set[str]:
        blocked = {i for i, r in self.records("bc").items() if r["blocked"].strip()}
        return blocked | {
            i
            for i, row in self.records("dataverse").items()
            if row["statecode"] != 0 or row["customertypecode"] != 3
        }

    def remove_obstacles(self) -> None:
        for id_ in self.records("bc"):
            self.edit_one("bc", id_, {"blocked": "_x0020_"})
        for id_ in self.records("dataverse"):
            self.edit_one("dataverse", id_, ACTIVE)
        self.scene.give_rates()
        self.scene.couple_salesperson()

    def check_whole(self, pair: tuple[str, str]) -> None:
        """The credit limit only ever is sent.

        A customer that the job made from an account has none until it gets one.
        """
        if pair[0] not in self.made["bc"] | self.limited:
            return
        here = self.records("bc")[pair[0]]["creditLimit"]
        there = self.records("dataverse")[pair[1]]["creditlimit"]
        assert float(here or 0) == float(there or 0), pair

    def check_end(self, pair: tuple[str, str]) -> None:
        if self.records("bc")[pair[0]]["salespersonCode"]:
            owner = self.records("dataverse")[pair[1]]["_ownerid_value"]
            assert self.scene.seller == owner

    @rule(name=texts(), more=texts(), seller=st.booleans())
    def new_customer(
        self, name: tuple[str, str], more: tuple[str, str], seller: bool
    ) -> None:
        values = dict([("displayName", "New"), name, more])
        self.insert("bc", values | ({"salespersonCode": "JO"} if seller else {}))

    @rule(name=texts(), more=texts())
    def new_account(self, name: tuple[str, str], more: tuple[str, str]) -> None:
        values = dict([("displayName", "New"), name, more])
        self.insert("dataverse", values | {"customertypecode": 3})

    @rule(side=SIDES, which=PICK, edit=texts(), pause=PAUSES)
    def edit_text(
        self, side: str, which: int, edit: tuple[str, str], pause: float
    ) -> None:
        self.scene.advance(pause)
        self.edit(side, which, {edit[0]: edit[1]})

    @rule(which=PICK, left=texts(), right=texts())
    def edit_both(
        self, which: int, left: tuple[str, str], right: tuple[str, str]
    ) -> None:
        if pairs := sorted(self.ledger.pairs.items()):
            bc_id, dataverse_id = pairs[which % len(pairs)]
            self.edit_one("bc", bc_id, {left[0]: left[1]})
            self.edit_one("dataverse", dataverse_id, {right[0]: right[1]})

    @rule(which=PICK, code=st.sampled_from(("", "DKK", "SEK")))
    def other_currency(self, which: int, code: str) -> None:
        self.edit("bc", which, {"currencyCode": code})

    @rule(which=PICK)
    def other_currency_of_account(self, which: int) -> None:
        self.edit("dataverse", which, {"currencyCode": "SEK"})

    @rule(which=PICK, code=st.sampled_from(("", "JO")))
    def other_salesperson(self, which: int, code: str) -> None:
        self.edit("bc", which, {"salespersonCode": code})

    @rule(which=PICK, amount=st.integers(0, 5))
    def other_credit_limit(self, which: int, amount: int) -> None:
        self.edit("bc", which, {"creditLimit": amount})

    @rule(which=PICK, blocked=st.sampled_from(("Ship", "_x0020_")))
    def block(self, which: int, blocked: str) -> None:
        self.edit("bc", which, {"blocked": blocked})

    @rule(which=PICK, active=st.booleans())
    def deactivate(self, which: int, active: bool) -> None:
        self.edit("dataverse", which, ACTIVE if active else INACTIVE)

    @rule()
    def rates_appear(self) -> None:
        self.scene.give_rates()

    @rule()
    def salesperson_appears(self) -> None:
        self.scene.couple_salesperson()

    @rule(
        side=SIDES,
        nth=st.integers(1, 12),
        at=SIDES,
        which=PICK,
        edit=texts(),
        amount=st.sampled_from((None, None, None, 6, 7, 8)),
        is_deletion=st.sampled_from((False,) * 5 + (True,)),
    )
    def synchronize_while_others_edit(
        self,
        side: str,
        nth: int,
        at: str,
        which: int,
        edit: tuple[str, str],
        amount: int | None,
        is_deletion: bool,
    ) -> None:
        """A text or, in Business Central, the credit limit is typed meanwhile."""
        values = {edit[0]: edit[1]} if amount is None else {"creditLimit": amount}
        at = at if amount is None else "bc"
        self.interrupted(side, nth, at, which, values, is_deletion=is_deletion)

    @rule(at=SIDES, which=PICK, mine=texts(), theirs=texts(), is_same=st.booleans())
    def collide_at_a_write(
        self,
        at: str,
        which: int,
        mine: tuple[str, str],
        theirs: tuple[str, str],
        is_same: bool,
    ) -> None:
        """Two people type into one record, mostly into one field."""
        name = mine[0] if is_same else theirs[0]
        self.collide_once(at, which, {mine[0]: mine[1]}, {name: theirs[1]})
