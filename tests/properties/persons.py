"""CONTACT: persons and contacts of two companies, edited at random on both sides."""

from __future__ import annotations

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.properties.ending import Ending
from tests.properties.fields import PARENT, PERSON_FIELDS, PERSON_NAMES
from tests.properties.machine import PICK, SIDES
from tests.properties.moves import PAUSES, person_texts

COMPANY = st.integers(0, 1)


class Persons(Ending):
    """Names, numbers, and which company a person belongs to.

    Both companies are coupled. The field `companyCustomerNumber` stands for the
    parent on both sides: the number of the customer.
    """

    job = "CONTACT"
    tables: ClassVar = {"bc": "contacts", "dataverse": "contact"}
    names = (*(field.bc for field in PERSON_FIELDS), PARENT)

    def prepare(self) -> None:
        world = self.scene.world
        made = [world.customer(name) for name in ("Adatum", "Bellows")]
        world.run("CUSTOMER", create_new=True)
        coupled = world.coupled()
        self.numbers = [row["number"] for row in made]
        self.accounts = [coupled[row["id"]] for row in made]
        relations = world.company.tables["Contact Business Relation"]
        self.companies = [
            next(iter(relations.where("number", number)))["contactNumber"]
            for number in self.numbers
        ]

    def first(self, side: str) -> dict[str, Any]:
        return self._typed(side, {"surname": "First", "city": "Ghent", PARENT: 0})

    def records(self, side: str) -> dict[str, dict[str, Any]]:
        world = self.scene.world
        if side == "dataverse":
            return {row["contactid"]: dict(row) for row in world.dv.rows("contact")}
        rows = world.company.rows("contacts")
        return {row["id"]: dict(row) for row in rows if row["type"] == "Person"}

    def values(self, side: str) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for id_, row in self.records(side).items():
            if side == "bc":
                texts = {f.bc: f.plain(row[f.bc]) for f in PERSON_FIELDS}
                at = self.companies.index(row["companyNumber"])
            else:
                texts = {f.bc: f.plain(row[f.dataverse]) for f in PERSON_FIELDS}
                at = self.accounts.index(row["_parentcustomerid_value"])
            found[id_] = {**texts, PARENT: self.numbers[at]}
        return found

    def body(self, side: str, values: dict[str, Any]) -> dict[str, Any]:
        sent = dict(values)
        at = sent.pop(PARENT, None)
        if side == "bc":
            return sent | ({} if at is None else {"companyNumber": self.companies[at]})
        sent = {PERSON_NAMES[key].dataverse: value for key, value in sent.items()}
        if at is not None:
            bind = f"/accounts({self.accounts[at]})"
            sent["parentcustomerid_account@odata.bind"] = bind
        return sent

    @rule(side=SIDES, name=person_texts(), more=person_texts(), at=COMPANY)
    def new_person(
        self, side: str, name: tuple[str, str], more: tuple[str, str], at: int
    ) -> None:
        values = {"surname": "New", **dict([name, more]), PARENT: at}
        self.insert(side, self._typed(side, values))

    def _typed(self, side: str, values: dict[str, Any]) -> dict[str, Any]:
        return {"type": "Person", **values} if side == "bc" else values

    @rule(side=SIDES, which=PICK, edit=person_texts(), pause=PAUSES)
    def edit_text(
        self, side: str, which: int, edit: tuple[str, str], pause: float
    ) -> None:
        self.scene.advance(pause)
        self.edit(side, which, {edit[0]: edit[1]})

    @rule(which=PICK, left=person_texts(), right=person_texts())
    def edit_both(
        self, which: int, left: tuple[str, str], right: tuple[str, str]
    ) -> None:
        if pairs := sorted(self.ledger.pairs.items()):
            bc_id, dataverse_id = pairs[which % len(pairs)]
            self.edit_one("bc", bc_id, {left[0]: left[1]})
            self.edit_one("dataverse", dataverse_id, {right[0]: right[1]})

    @rule(side=SIDES, which=PICK, at=COMPANY, pause=PAUSES)
    def change_company(self, side: str, which: int, at: int, pause: float) -> None:
        self.scene.advance(pause)
        self.edit(side, which, {PARENT: at})

    @rule(
        side=SIDES,
        nth=st.integers(1, 12),
        at=SIDES,
        which=PICK,
        edit=person_texts(),
        company=st.sampled_from((None, None, 0, 1)),
        is_deletion=st.sampled_from((False,) * 5 + (True,)),
    )
    def synchronize_while_others_edit(
        self,
        side: str,
        nth: int,
        at: str,
        which: int,
        edit: tuple[str, str],
        company: int | None,
        is_deletion: bool,
    ) -> None:
        """A text is typed meanwhile, or the person changes the company."""
        values = {edit[0]: edit[1]} if company is None else {PARENT: company}
        self.interrupted(side, nth, at, which, values, is_deletion=is_deletion)

    @rule(
        at=SIDES,
        which=PICK,
        mine=person_texts(),
        theirs=person_texts(),
        is_same=st.booleans(),
    )
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
