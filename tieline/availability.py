"""Fits a mapping to what both services offer, and says what is off and why."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, NoReturn

from tieline.conversions.added import ByLabel, unfit
from tieline.conversions.added import fitted as fitted_to
from tieline.errors import (
    SYSTEM_TITLES,
    DriftError,
    MappingOverrideError,
    NoFieldMappings,
    SettingsError,
)
from tieline.mapping import Direction, FieldMapping, TableMapping, Template
from tieline.odata.model import Filter, Table

if TYPE_CHECKING:
    from tieline.session import Session

SOLUTION_COLUMNS = ("bcbi_companyid", "nav_accountstatisticsid")
"""Columns of Microsoft's integration solutions, absent where those are not."""


@dataclass
class KnownLabels:
    """The option labels that a run has read for added fields, by table and column."""

    columns: dict[tuple[str, str], dict[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Fitted:
    """A mapping as far as the services' metadata carries it."""

    mapping: TableMapping
    off: tuple[str, ...]


def condition_holds(only_when: str, ownership: str) -> bool:
    """Evaluate the setting that a field row depends on.

    Of the product's models, the unit model "unit groups off" is the one that
    Tieline has; the ownership model is a setting.
    """
    known = {
        "": True,
        "ownership_model=Person": ownership == "person",
        "ownership_model=Team": ownership == "team",
        "unit_group_mapping=false": True,
        "unit_group_mapping=true": False,
    }
    return known[only_when]


def can_hold(only_when: str) -> bool:
    """Whether some setting lets a field row with this condition count."""
    return any(condition_holds(only_when, one) for one in ("person", "team"))


def require_setting(mapping: TableMapping, ownership: str) -> None:
    """Raise SettingsError when the company's settings have no use for the job."""
    if not condition_holds(mapping.only_when, ownership):
        msg = (
            f"{mapping.name} couples nothing while the setting ownership is "
            f"{ownership}."
        )
        raise SettingsError(msg, advice="Only where persons own rows is it of use.")


async def fit_mapping(mapping: TableMapping, session: Session) -> Fitted:
    """Switch off the field rows whose property or column is not offered.

    A template whose condition asks for such a column is off likewise.

    Raises:
        DriftError: a table is missing, or a column that ought to be there.
        MappingOverrideError: an added field names no column, or does not fit it.
    """
    if mapping.needs_companion and not await session.bc.look_again():
        msg = f"The job {mapping.name} needs the companion app in Business Central."
        raise DriftError(msg, advice="Publish it as deployments/business_central says.")
    bc = await session.bc.table(mapping.bc)
    derived = (
        *mapping.bc_derived,
        *(name for name in mapping.bc_derivable if name not in bc.columns),
    )
    dataverse = await _dataverse_table(mapping, session)
    fitted: list[FieldMapping] = []
    off: list[str] = []
    for row in mapping.fields:
        enabled = row.enabled and condition_holds(
            row.only_when, session.choices.ownership
        )
        if enabled and row.conversion.transfers:
            known_bc = {*bc.columns, *derived}
            lacks_bc = row.bc and row.bc not in known_bc
            lacks_dataverse = row.dataverse and row.dataverse not in dataverse.columns
            refuse = partial(_missing, mapping, is_added=row.user_defined)
            if lacks_bc and session.bc.has_companion:
                refuse(row.bc or "", "Business Central", mapping.bc)
            if lacks_dataverse and row.dataverse not in SOLUTION_COLUMNS:
                refuse(row.dataverse or "", "Dataverse", mapping.dataverse)
            if lacks_bc or lacks_dataverse:
                enabled = False
                off.append(row.name)
            elif row.user_defined:
                row = await _fit_added(mapping, row, (bc, dataverse), session)
        fitted.append(replace(row, enabled=enabled))
    _require_filters(mapping, bc, dataverse, has_companion=session.bc.has_companion)
    await _require_needs(mapping, session)
    templates: list[Template] = []
    for template in mapping.templates:
        side = "dataverse" if template.side == "bc" else "bc"
        source = dataverse if side == "dataverse" else bc
        lacks = _lacking(template.where, {*source.columns, *derived})
        if not lacks:
            target = bc if template.side == "bc" else dataverse
            kept, unknown = _known_values(template, target)
            for name in unknown:
                _forgive(mapping, name, template.side, session)
                off.append(f"{name} of a template for new records")
            if kept.values:
                templates.append(kept)
            continue
        if side == "bc" and session.bc.has_companion:
            _missing(mapping, lacks, "Business Central", mapping.bc, what="condition")
        if side == "dataverse" and lacks not in SOLUTION_COLUMNS:
            _missing(mapping, lacks, "Dataverse", mapping.dataverse, what="condition")
        off.append(f"a template for new records where {lacks} decides")
    nested = mapping.nested
    if nested is not None:
        lines = await fit_mapping(nested.mapping, session)
        nested = replace(nested, mapping=lines.mapping)
        off += lines.off
    extra_bc = tuple(name for name in mapping.bc_extra if name in bc.columns)
    extra_dv = tuple(n for n in mapping.dataverse_extra if n in dataverse.columns)
    return Fitted(
        replace(
            mapping,
            fields=tuple(fitted),
            templates=tuple(templates),
            nested=nested,
            bc_derived=derived,
            bc_extra=extra_bc,
            dataverse_extra=extra_dv,
            company_scoped=mapping.company_scoped
            and "bcbi_companyid" in dataverse.columns,
        ),
        tuple(off),
    )


async def _fit_added(
    mapping: TableMapping,
    row: FieldMapping,
    tables: tuple[Table, Table],
    session: Session,
) -> FieldMapping:
    """Complete the conversion of an added field from the metadata.

    Raises:
        MappingOverrideError: the kinds of its two fields do not fit.
    """
    bc, dataverse = tables
    here, there = bc.columns.get(row.bc or ""), dataverse.columns[row.dataverse or ""]
    if here is None:
        return row
    problem, advice = unfit(row.conversion, here, there)
    if problem:
        msg = f"The added field {row.bc} of {mapping.name} in tieline.toml {problem}."
        raise MappingOverrideError(msg, advice=advice)
    labels: dict[int, str] = {}
    if isinstance(row.conversion, ByLabel):
        name = there.name
        key = (mapping.dataverse, name)
        known = session.kept(KnownLabels).columns
        if key not in known:
            read = await session.dataverse.option_labels(mapping.dataverse, [name])
            known[key] = read.get(name, {})
        labels = known[key]
    return replace(row, conversion=fitted_to(row.conversion, there, labels, here))


async def _dataverse_table(mapping: TableMapping, session: Session) -> Table:
    try:
        return await session.dataverse.table(mapping.dataverse)
    except DriftError as error:
        if not mapping.needs_solution:
            raise
        msg = (
            f"{mapping.name} needs {mapping.dataverse}, which Dataverse lacks: the "
            "integration solution of Business Central is not installed."
        )
        advice = "Install it from Business Central's connection set-up."
        raise DriftError(msg, advice=advice) from error


async def _require_needs(mapping: TableMapping, session: Session) -> None:
    """Refuse a job whose later steps would lack a column, before it writes a row."""
    for needs in mapping.also_needs:
        offered = (await session.side(needs.side).table(needs.table)).columns
        for column in needs.columns:
            if column not in offered:
                service = SYSTEM_TITLES[needs.side]
                _missing(mapping, column, service, needs.table, what="step")


def _known_values(template: Template, target: Table) -> tuple[Template, list[str]]:
    """Split a template's values: those that the table takes, and the other names."""
    unknown = [name for name in template.values if name not in target.columns]
    known = {k: v for k, v in template.values.items() if k not in unknown}
    return replace(template, values=known), unknown


def _forgive(mapping: TableMapping, name: str, side: str, session: Session) -> None:
    """Refuse a template's value that no service of this kind would take.

    What only the companion app or the integration solution offers may be off.
    """
    if side == "bc" and session.bc.has_companion:
        _missing(mapping, name, "Business Central", mapping.bc, what="template")
    if side == "dataverse" and name not in SOLUTION_COLUMNS:
        _missing(mapping, name, "Dataverse", mapping.dataverse, what="template")


def _require_filters(
    mapping: TableMapping, bc: Table, dataverse: Table, *, has_companion: bool
) -> None:
    """Refuse a filter whose column a service lacks, before anything is read."""
    lacks = _lacking(mapping.bc_filter, set(bc.columns))
    if lacks and has_companion:
        _missing(mapping, lacks, "Business Central", mapping.bc, what="filter")
    lacks = _lacking(mapping.dataverse_filter, set(dataverse.columns))
    if lacks and lacks not in SOLUTION_COLUMNS:
        _missing(mapping, lacks, "Dataverse", mapping.dataverse, what="filter")


def _lacking(where: Filter, known: set[str]) -> str:
    """Return the first column of some conditions that is not known, or ""."""
    columns = (condition.column for condition in where)
    return next((column for column in columns if column not in known), "")


def _missing(
    mapping: TableMapping,
    column: str,
    service: str,
    table: str,
    *,
    what: Literal["field mapping", "filter", "condition", "template", "step"] = (
        "field mapping"
    ),
    is_added: bool = False,
) -> NoReturn:
    advice = {
        "field mapping": "Correct its name under add_fields in tieline.toml."
        if is_added
        else "Bring the service up to date or switch the field mapping off.",
        "filter": "Correct the filter in tieline.toml.",
        "condition": "Correct the condition of the template in tieline.toml.",
        "step": "Bring the service up to date.",
        "template": "Correct the values of the template in tieline.toml.",
    }
    msg = f"The job {mapping.name} needs {column} of {table}, which {service} lacks."
    raise DriftError(msg, advice=advice[what])


def require_fields(mapping: TableMapping, one_way: Direction) -> None:
    """Raise NoFieldMappings when nothing would be transferred in a pass."""
    if not any(row.conversion.transfers for row in mapping.active(one_way)):
        msg = (
            f"There are no field mapping rows for {mapping.name} in the direction "
            f"{one_way}."
        )
        raise NoFieldMappings(msg, advice="Enable at least one in tieline.toml.")
