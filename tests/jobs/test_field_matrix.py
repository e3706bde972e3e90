"""Every declared field travels, in each direction that it may.

A field row that is added without an entry in `field_values` fails here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.jobs import MAPPINGS
from tests.jobs.field_scenes import SCENES
from tests.jobs.field_values import SAMPLES, Shown, Values
from tests.jobs.invoices import Shop
from tests.jobs.test_declarations import FACTS, LINES
from tests.world import new_world
from tieline.availability import condition_holds
from tieline.conversions import column_of
from tieline.mapping import Direction, FieldMapping, TableMapping

TO, FROM = Direction.TO_DATAVERSE, Direction.FROM_DATAVERSE


def label(row: FieldMapping) -> str:
    """Return the two names that a row goes by."""
    return f"{row.bc or ''}>{row.dataverse or ''}"


def ways(mapping: TableMapping) -> list[Direction]:
    """Return the ways that a job can run."""
    offered = (mapping.direction, *mapping.also_offered)
    return [way for way in (TO, FROM) if any(d.covers(way) for d in offered)]


@dataclass(frozen=True)
class Case:
    """A field row of a job on one of its ways."""

    mapping: TableMapping
    row: FieldMapping
    way: Direction

    @property
    def id(self) -> str:
        return f"{self.mapping.name}-{label(self.row)}-{self.way}"

    @property
    def applies(self) -> bool:
        """Whether the row belongs to the models that these tests stand on."""
        return condition_holds(self.row.only_when, "person")

    @property
    def entry(self) -> Values | Shown:
        found = SAMPLES[self.mapping.name][label(self.row)]
        if isinstance(found, Values) and found.shown_from and self.way is FROM:
            return Shown(found.shown_from)
        return found


def with_nested() -> list[TableMapping]:
    """Return all mappings, those of lines included, each once."""
    found = dict(MAPPINGS)
    for mapping in MAPPINGS.values():
        if mapping.nested is not None:
            found[mapping.nested.mapping.name] = mapping.nested.mapping
    return list(found.values())


CASES = [
    Case(mapping, row, way)
    for mapping in with_nested()
    for way in ways(mapping)
    for row in mapping.fields
    if row.direction.covers(way)
]
SHOWN = [c for c in CASES if c.applies and isinstance(c.entry, Shown)]
TRAVELS = [c for c in CASES if c.applies and isinstance(c.entry, Values)]
OTHER_MODELS = sorted({c.id for c in CASES if not c.applies})


@dataclass(frozen=True)
class Played:
    """What the destination held after the first values and after the second."""

    scene: Any
    first: dict[str, Any]
    second: dict[str, Any]


@pytest.fixture(scope="module")
def played(base, tmp_path_factory) -> Iterator[Any]:
    """Play a job's way once for all of its rows, when the first one asks for it."""
    done: dict[tuple[str, Direction], Played] = {}

    def play(mapping: TableMapping, way: Direction) -> Played:
        key = mapping.name, way
        if key not in done:
            folder = tmp_path_factory.mktemp("matrix")
            url = f"sqlite:///{(folder / 'store.sqlite').as_posix()}"
            with (
                pytest.MonkeyPatch.context() as patch,
                new_world(base, url, folder, patch) as world,
            ):
                done[key] = _play(world, mapping, way)
        return done[key]

    yield play


def _play(world: Any, mapping: TableMapping, way: Direction) -> Played:
    _switch_all_on(world, mapping)
    scene = SCENES[mapping.name](world, mapping.name, way.value)
    rows = [c for c in TRAVELS if c.mapping is mapping and c.way is way]
    scene.first(_source(scene, rows, "first", late=False))
    scene.run()
    if any(case.entry.late for case in rows):
        scene.late()
        scene.change(_source(scene, rows, "first", late=True))
    scene.run()
    first = scene.seen()
    scene.change(_source(scene, rows, "second", late=True))
    scene.run()
    return Played(scene, first, scene.seen())


def _switch_all_on(world: Any, mapping: TableMapping) -> None:
    off = [row.dataverse for row in mapping.fields if not row.enabled]
    lines = [f"[mappings.{mapping.name}.fields]", *(f"{name} = true" for name in off)]
    world.configure("\n".join(lines))


def _source(scene: Any, cases: list[Case], stage: str, *, late: bool) -> dict[str, Any]:
    """Return what the user writes on the source side."""
    values: dict[str, Any] = {}
    for case in cases:
        name = case.row.bc if case.way is TO else case.row.dataverse
        side = "bc" if case.way is TO else "dataverse"
        value = getattr(case.entry, stage)[case.way is not TO]
        if name and value is not None and (late or not case.entry.late):
            values[name] = scene.named(value, side)
    return values


@pytest.mark.parametrize("case", TRAVELS, ids=lambda case: case.id)
def test_a_value_and_its_change_arrive(played, case):
    """In the destination's form; what only new rows take stays as it was."""
    play = played(case.mapping, case.way)
    to, row, entry = case.way is TO, case.row, case.entry
    target = entry.shown_by or (row.dataverse if to else row.bc)
    side = "dataverse" if to else "bc"
    stages = (play.first, play.second)
    wanted = [entry.first, entry.first if row.applies == "insert" else entry.second]
    for seen, pair in zip(stages, wanted, strict=True):
        expected = play.scene.named(pair[to], side)
        normal = row.conversion.normal(side, column_of([expected, seen[target]]))
        assert normal[0] == normal[1], target


def test_no_row_is_forgotten_and_none_invented():
    """The samples name exactly the rows of the models that are in scope."""
    declared = {(c.mapping.name, label(c.row)) for c in CASES if c.applies}
    named = {(job, name) for job, rows in SAMPLES.items() for name in rows}
    assert declared == named
    assert [] == [c.id for c in CASES if c.mapping.name not in SCENES]


def test_rows_of_other_models_are_known():
    """Owning teams are another model, unit groups are out of scope."""
    assert [
        "CONTACT->ownerid-to-dataverse",
        "CUSTOMER->ownerid-to-dataverse",
        "ITEM-PRODUCT-baseUnitOfMeasureCode>defaultuomid-from-dataverse",
        "ITEM-PRODUCT-baseUnitOfMeasureCode>defaultuomid-to-dataverse",
        "POSTEDSALESINV-INV->ownerid-to-dataverse",
        "RESOURCE-PRODUCT-baseUnitOfMeasureCode>defaultuomid-to-dataverse",
    ] == OTHER_MODELS


@pytest.mark.parametrize("case", SHOWN, ids=lambda case: case.id)
def test_rows_shown_elsewhere_have_their_test(case):
    """The test that an entry names exists."""
    module, _, test = case.entry.test.partition("::")
    text = Path(__file__).with_name(f"{module}.py").read_text("utf-8")
    assert f"def {test}(" in text


@pytest.fixture(scope="module")
def lines(base, tmp_path_factory) -> Iterator[Any]:
    """The line of an invoice as posted, and as Dataverse has it."""
    folder = tmp_path_factory.mktemp("lines")
    url = f"sqlite:///{(folder / 'store.sqlite').as_posix()}"
    with (
        pytest.MonkeyPatch.context() as patch,
        new_world(base, url, folder, patch) as world,
    ):
        shop = Shop(world)
        shop.company.tax_percent = 25
        posted = shop.post(shop.line(quantity=3, unitPrice=40, discountAmount=20))
        shop.run()
        (there,) = shop.details(shop.invoice(posted)["invoiceid"])
        table = shop.company.tables["Sales Invoice Line"]
        (here,) = table.where("documentId", posted["id"])
        yield here, there


@pytest.mark.parametrize("fact", FACTS[LINES], ids=lambda fact: fact["dataverse"])
def test_a_field_of_an_invoice_line_arrives(lines, fact):
    """Lines are written with their header; base amounts are before the discount."""
    here, there = lines
    expected = fact.get("constant", here.get(fact.get("bc")))
    if fact["dataverse"] == "baseamount":
        expected += here["lineDiscountAmount"]
    assert expected
    assert expected == there[fact["dataverse"]]
