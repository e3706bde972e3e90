"""Conversions of references, by the coupling of the record they point to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tieline.conversions.base import Conversion, Mask, Transfer, Values, column_of
from tieline.errors import Blocked, RecordError, SystemName
from tieline.identity import Home, coupled_by_dataverse_id, coupled_ids
from tieline.odata.model import Ref


@dataclass(frozen=True)
class Lookup(Conversion):
    """A code of Business Central and a lookup of Dataverse, by a coupling.

    `via` is the job whose couplings translate, `table` the Dataverse table that
    is bound, `noun` how messages call the referenced BC record, `bc` the entity set
    where its codes live, in the property `bc_key`. A blank code is
    a null lookup. A reference that is not coupled blocks the record, unless the
    field row says Clear Value on Failed Sync.
    """

    via: str
    table: str
    noun: str
    bc: str = ""
    bc_key: str = "number"
    title = "lookup"
    translates = True

    @property
    def home(self) -> Home:
        """Where the codes of the referenced records live."""
        return Home(self.via, self.bc, self.bc_key)

    async def prepare(self, values: Values, transfer: Transfer) -> dict[Any, Any]:
        """Translate all distinct references at once, by the ids behind the codes.

        A reference whose record is gone is known, by the error that says so.
        """
        session = transfer.session
        if transfer.to_dataverse:
            return await coupled_ids(session, self.home, values)
        found = await coupled_by_dataverse_id(session, self.home, values)
        return {
            id_: self._gone(id_, transfer) if one is None else one.code
            for id_, one in found.items()
        }

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Replace each reference; park the rows whose reference is unknown."""
        blank = None if transfer.to_dataverse else ""
        found = column_of([known.get(v, v) if v else blank for v in values])
        for position, value in enumerate(values):
            if value and value not in known:
                if transfer.field.clear_on_failure:
                    found[position] = blank
                else:
                    transfer.fail(position, self.blocked(value, transfer))
            elif isinstance(found[position], Blocked):
                if not transfer.field.clear_on_failure:
                    transfer.fail(position, found[position])
                found[position] = blank
        return found

    def _gone(self, value: str, transfer: Transfer) -> Blocked:
        """Say that the record which a row is coupled to is gone."""
        text = (
            f"The Dataverse {self.table} {value} is coupled to a {self.noun} that no "
            f"longer exists: couple it anew before {transfer.field.name} can be "
            "transferred."
        )
        return Blocked(text, mapping=self.via, key=value)

    def blocked(self, value: str, transfer: Transfer) -> Blocked:
        """Say which record has to be coupled first."""
        if transfer.to_dataverse:
            text = (
                f"The {self.noun} {value} must be coupled to a Dataverse "
                f"{self.table} before {transfer.field.name} can be transferred."
            )
        else:
            text = (
                f"The Dataverse {self.table} {value} must be coupled to a "
                f"{self.noun} before {transfer.field.name} can be transferred."
            )
        return Blocked(text, mapping=self.via, key=value)

    def normal(self, side: SystemName, values: Values) -> Values:
        """Make blank uniform: "" on Business Central, null on Dataverse."""
        blank = "" if side == "bc" else None
        return column_of([v or blank for v in values])

    def payload(self, side: SystemName, value: Any) -> Any:
        """Bind the row on Dataverse; send the plain code to Business Central."""
        if side == "bc" or value is None:
            return value
        return Ref(self.table, value)

    def verb(self) -> str:
        """Name the job that translates."""
        return f"{self.title} {self.via}"


@dataclass(frozen=True)
class Currency(Lookup):
    """A currency: blank in Business Central is the local currency (LCY).

    The LCY row of Dataverse is found by its ISO code, and created when missing.
    """

    via: str = "CURRENCY"
    table: str = "transactioncurrency"
    noun: str = "currency"
    bc: str = "currencies"
    bc_key: str = "code"
    title = "currency"

    async def prepare(self, values: Values, transfer: Transfer) -> dict[Any, Any]:
        """Translate the codes, and the local currency when it occurs."""
        known = await super().prepare(values, transfer)
        session = transfer.session
        if transfer.to_dataverse:
            if any(not v for v in values):
                create = session.is_dry_run or not transfer.is_dry
                try:
                    local = await session.local_currency_id(create=create)
                except RecordError as error:
                    known[""] = error
                else:
                    known[""] = local
            return known
        if set(values) - set(known) - {None, ""}:
            local = await session.local_currency_id(create=False)
            if local is not None:
                known[local] = ""
        return known

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """As a lookup, with blank standing for the local currency."""
        found = super().convert(values, known, transfer)
        if transfer.to_dataverse:
            local = known.get("")
            for position, value in enumerate(values):
                if value:
                    continue
                if isinstance(local, RecordError):
                    transfer.fail(position, local)
                found[position] = None if isinstance(local, RecordError) else local
        return found

    def blank(self, side: SystemName, values: Values) -> Mask:
        """Take a blank code for what it says: the local currency."""
        if side == "bc":
            return np.zeros(len(values), dtype=bool)
        return super().blank(side, values)


@dataclass(frozen=True)
class Owner(Lookup):
    """The owner: the user coupled to the salesperson or purchaser.

    A blank code keeps the owner of an existing row (Not Null); a new row then
    gets the default owning team, else stays with the caller.
    """

    via: str = "SALESPEOPLE"
    table: str = "systemuser"
    noun: str = "salesperson"
    bc: str = "salespeoplePurchasers"
    bc_key: str = "code"
    title = "owner"

    async def prepare(self, values: Values, transfer: Transfer) -> dict[Any, Any]:
        """Translate the codes; know the team when new rows lack a code."""
        known = await super().prepare(values, transfer)
        if any(not v for v in values[transfer.inserting]):
            known[""] = await transfer.session.owning_team_id()
        return known

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """As a lookup; new rows without a code go to the team."""
        found = super().convert(values, known, transfer)
        team = known.get("")
        if team is not None:
            for position in transfer.inserting.nonzero()[0]:
                if not values[position]:
                    found[position] = TeamId(team)
        return found

    def payload(self, side: SystemName, value: Any) -> Any:
        """Bind a team or a user."""
        if isinstance(value, TeamId):
            return Ref("team", str(value))
        return super().payload(side, value)


class TeamId(str):
    """The id of a team, among ids of users."""

    __slots__ = ()


@dataclass(frozen=True)
class OwningTeam(Conversion):
    """The owner of new rows where teams own: the company row's default team.

    Without one the row stays with the caller.
    """

    title = "owning team"
    reads_bc = False

    async def prepare(self, values: Values, transfer: Transfer) -> str | None:
        """Find the team when there are new rows."""
        if not transfer.inserting.any():
            return None
        return await transfer.session.owning_team_id()

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Return the team for every row."""
        team = None if known is None else TeamId(known)
        return column_of([team] * len(values))

    def payload(self, side: SystemName, value: Any) -> Any:
        """Bind a team, or the user that a rule chose."""
        if value is None:
            return None
        return Ref("team" if isinstance(value, TeamId) else "systemuser", str(value))


@dataclass(frozen=True)
class Company(Conversion):
    """The company row of Dataverse (bcbi_companyid) that marks rows as ours."""

    title = "own company"
    translates = True
    reads_bc = False

    async def prepare(self, values: Values, transfer: Transfer) -> str | None:
        """Find our company row."""
        return await transfer.session.company_row_id()

    def convert(self, values: Values, known: Any, transfer: Transfer) -> Values:
        """Return our company row's id for every row."""
        return column_of([known] * len(values))

    def payload(self, side: SystemName, value: Any) -> Any:
        """Bind the company row."""
        return None if value is None else Ref("bcbi_company", value)
