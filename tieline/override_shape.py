"""The keys of a mapping override in tieline.toml, and their form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from tieline.conversions import CODE, DAY, FLAG, NUMBER, TEXT, Conversion
from tieline.conversions.added import (
    ByLabel,
    CoupledLookup,
    LookupBy,
    ValueMap,
    ZonedDay,
)
from tieline.errors import SettingsError
from tieline.job_names import JOB_TABLES, job_name
from tieline.mapping import (
    DeletionConflictPolicy,
    Direction,
    FieldMapping,
    Template,
    UpdateConflictPolicy,
)
from tieline.odata.model import Condition, Op

CONVERSIONS: Mapping[str, Conversion] = {
    "text": TEXT,
    "code": CODE,
    "number": NUMBER,
    "flag": FLAG,
    "date": DAY,
    "choice": ByLabel(),
}
"""The conversions that an added field mapping may name."""

_LISTED = ", ".join(JOB_TABLES)


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ConditionShape(_Shape):
    """One condition of a filter."""

    field: str = Field(min_length=1)
    op: Op
    value: Any = None
    or_blank: bool = False

    @model_validator(mode="after")
    def _value_fits(self) -> Self:
        if self.op in ("blank", "not_blank"):
            if self.value is not None:
                msg = f"{self.op} takes no value"
                raise ValueError(msg)
        elif self.value is None:
            msg = f"{self.op} needs a value"
            raise ValueError(msg)
        elif (self.op == "in") != isinstance(self.value, list):
            msg = "in takes a list and every other op a single value"
            raise ValueError(msg)
        return self

    @property
    def condition(self) -> Condition:
        """The condition as the mapping has it."""
        return Condition(self.field, self.op, self.value, self.or_blank)


class FieldOverride(_Shape):
    """What changes in one declared field row; None leaves it as it is."""

    enabled: bool | None = None
    direction: Direction | None = None
    clear_on_failure: bool | None = None
    not_null: bool | None = None
    match_priority: int | None = Field(default=None, ge=0)
    case_sensitive: bool | None = None


class AddedField(_Shape):
    """A field row of the user's own."""

    bc: str = Field(min_length=1)
    dataverse: str = Field(min_length=1)
    direction: Direction = Direction.BIDIRECTIONAL
    via: str | None = None
    conversion: Any = "text"
    time_zone: str | None = None
    enabled: bool = True

    @field_validator("via")
    @classmethod
    def _known_job(cls, name: str | None) -> str | None:
        if name is None:
            return None
        try:
            job = job_name(name)
        except SettingsError:
            job = name
        if job not in JOB_TABLES:
            msg = f"via is no job that a lookup can go by: use {_LISTED}"
            raise ValueError(msg)
        return job

    @field_validator("conversion")
    @classmethod
    def _known_conversion(cls, given: Any, info: ValidationInfo) -> Any:
        if isinstance(given, dict) and given:
            return given
        if isinstance(given, str) and given in CONVERSIONS:
            return given
        if given == "lookup" and info.data.get("via", ""):
            return given
        names = ", ".join(f"'{name}'" for name in CONVERSIONS)
        msg = (
            f"conversion must be one of {names}, 'lookup' with via = \"JOB\" beside "
            "it, or a table of values"
        )
        raise ValueError(msg)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        try:
            return name and ZoneInfo(name).key
        except (ZoneInfoNotFoundError, ValueError):
            msg = f"{name} is no time zone such as Europe/Copenhagen"
            raise ValueError(msg) from None

    @model_validator(mode="after")
    def _via_fits(self) -> Self:
        if self.via is not None and self.conversion != "lookup":
            msg = 'via goes with conversion = "lookup" only'
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _zone_fits(self) -> Self:
        if self.time_zone and self.conversion != "date":
            msg = 'time_zone goes with conversion = "date" only'
            raise ValueError(msg)
        return self

    @property
    def converts(self) -> Conversion:
        """The conversion; a lookup by a column learns its table from the metadata."""
        if self.via:
            bc, key, table = JOB_TABLES[self.via]
            noun = f"{self.via} record"
            return CoupledLookup(self.via, table, noun, bc, key)
        if self.time_zone:
            return ZonedDay(self.time_zone)
        match self.conversion:
            case str(name):
                return CONVERSIONS[name]
            case {"by": str(column), **rest} if not rest:
                return LookupBy(via="", table="", noun="record", by=column)
        return ValueMap(tuple(self.conversion.items()))

    @property
    def row(self) -> FieldMapping:
        """The field row as the mapping has it."""
        return FieldMapping(
            self.bc,
            self.dataverse,
            self.direction,
            self.converts,
            enabled=self.enabled,
            is_default=False,
            user_defined=True,
        )


class TemplateShape(_Shape):
    """Values for new records of one side."""

    side: Literal["bc", "dataverse"]
    values: dict[str, Any] = Field(min_length=1)
    where: list[ConditionShape] = []
    priority: int = 0

    @property
    def template(self) -> Template:
        """The template as the mapping has it."""
        where = tuple(one.condition for one in self.where)
        return Template(self.side, self.values, where, self.priority)


class Override(_Shape):
    """Everything that may be said of one job under [mappings.JOB]."""

    direction: Direction | None = None
    synch_only_coupled: bool | None = None
    update_conflict: UpdateConflictPolicy | None = None
    deletion_conflict: DeletionConflictPolicy | None = None
    create_unmatched: bool | None = None
    synchronize_matched: bool | None = None
    bc_filter: list[ConditionShape] | None = None
    dataverse_filter: list[ConditionShape] | None = None
    fields: dict[str, FieldOverride] = {}
    add_fields: list[AddedField] = []
    templates: list[TemplateShape] = []

    @field_validator("fields", mode="before")
    @classmethod
    def _short_form(cls, fields: Any) -> Any:
        """Take `field = false` for `field = {enabled = false}`."""
        if not isinstance(fields, dict):
            return fields
        return {
            name: {"enabled": row} if isinstance(row, bool) else row
            for name, row in fields.items()
        }

    @property
    def table_values(self) -> dict[str, Any]:
        """The table mapping's attributes that change, fields and templates apart."""
        values: dict[str, Any] = {
            "direction": self.direction,
            "only_coupled": self.synch_only_coupled,
            "update_conflict": self.update_conflict,
            "deletion_conflict": self.deletion_conflict,
            "create_unmatched": self.create_unmatched,
            "synchronize_matched": self.synchronize_matched,
        }
        for name in ("bc_filter", "dataverse_filter"):
            conditions = getattr(self, name)
            if conditions is not None:
                values[name] = tuple(one.condition for one in conditions)
        return {name: value for name, value in values.items() if value is not None}
