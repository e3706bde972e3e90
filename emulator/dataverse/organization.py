"""An emulated organization: its rows, its switches and its users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, Literal
from uuid import UUID, uuid4, uuid5

import orjson

from emulator.dataverse.notices import Courier
from emulator.dataverse.option_sets import OptionSets
from emulator.dataverse.protection import Limits
from emulator.dataverse.refusals import locked
from emulator.dataverse.registrations import Registrations
from emulator.dataverse.schema import NAVIGATION_NAMES, SOLUTIONS, load_schema
from emulator.dataverse.security import Roles
from emulator.dataverse.storage import Database, Row
from emulator.dataverse.values import timestamp
from emulator.surface import Ground
from emulator.token import LimitsOfUsers

LENIENT = None
"""For `Products.active_accepts`: an active product accepts every column."""

STRICT = frozenset({"quantityonhand", "currentcost", "standardcost", "pricelevelid"})
DEFAULT_UNIT_GROUP, PRIMARY_UNIT = "Default Unit", "Primary Unit"
BULK_MESSAGES = frozenset({"CreateMultiple", "UpdateMultiple", "UpsertMultiple"})


@dataclass
class Products:
    """What products allow here.

    `active_accepts` are the columns that an active product takes without being
    put under revision. Whether products start as active is a setting of the
    organization row, createproductswithoutparentinactivestate.
    """

    active_accepts: frozenset[str] | None = STRICT


Standing = Literal["member", "stranger", "disabled", "without-roles"]
"""What the caller is to the organization; all but a member are turned away."""


@dataclass
class Slow:
    """Tables whose plug-ins take so long that a bulk message cannot end in time.

    `rows` says how many rows of a table it finishes, `stuck` names rows that it
    never does. What takes longer is rolled back; the caller hears nothing for
    `seconds`, then that SQL timed out.
    """

    rows: dict[str, int] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    seconds: float = 120.0

    def is_too_much(self, table: str, targets: list[Any]) -> bool:
        """Whether the message would outlast its time."""
        values = {str(value) for one in targets for value in one.values()}
        return len(targets) > self.rows.get(table, len(targets)) or bool(
            self.stuck & values
        )


@dataclass(frozen=True)
class Job:
    """A system job, as bulk deletion leaves one behind."""

    id: str
    name: str
    created: str
    message: str = ""


@dataclass
class People:
    """The rows that every organization starts with."""

    business_unit: str = ""
    organization: str = ""
    integration: str = ""
    team: str = ""
    base_currency: str = ""


class Organization:
    """The data and the switches; reading and writing live beside it.

    `bulk` says which bulk messages a table offers, `tracked` which tables have
    change tracking; `reformats` how a column (table and wire name) is stored whoever
    writes it, as plug-ins do with telephone numbers. `lock` guards all of it: the
    server runs in a thread. A `fresh` organization also has what every new one holds
    besides its people and its base currency: a unit group with one unit. `roles`
    names the security roles of users; those who are not in it are administrators.
    `security` holds roles with privileges, and who has them.
    """

    def __init__(
        self,
        *,
        name: str = "Contoso",
        base_currency: str = "EUR",
        solutions: frozenset[str] = SOLUTIONS,
        navigation_names: Mapping[str, str] = NAVIGATION_NAMES,
        fresh: bool = False,
    ) -> None:
        self.lock = RLock()
        self.schema = load_schema(solutions, navigation_names)
        self.data = Database(self.schema)
        self.options = OptionSets(self.schema)
        self.products = Products()
        self.limits = Limits()
        self.slow = Slow()
        self.reformats: dict[tuple[str, str], Callable[[Any], Any]] = {}
        self.standing: Standing = "member"
        self.ground = Ground(_refusal_body, locked=locked().status)
        self.users = LimitsOfUsers(self.limits, self.ground.tokens)
        self.bulk: dict[str, set[str]] = {
            table.name: set(BULK_MESSAGES if table.bulk else ())
            for table in self.schema.tables.values()
        }
        self.tracked: set[str] = {
            table.name for table in self.schema.tables.values() if table.tracking
        }
        self.oldest_token = 0
        self.jobs: list[Job] = []
        self.people = People()
        self.roles: dict[str, tuple[str, ...]] = {}
        self.security = Roles()
        self.registrations = Registrations()
        self.courier = Courier(self)
        self.data.tell = self.courier.saw
        self.created_id: Any = lambda: str(uuid4())
        self._found(name, base_currency)
        if fresh:
            self._furnish()

    def now(self) -> str:
        """Return the service's time as rows carry it: whole seconds."""
        return timestamp(self.ground.clock.now())

    @property
    def settings(self) -> Row:
        """The organization's own row."""
        return self.data["organization"].by_id[self.people.organization]

    def configure(self, **values: Any) -> None:
        """Change columns of the organization row, such as issopintegrationenabled."""
        self.data.put("organization", {**self.settings, **values})

    def _found(self, name: str, currency: str) -> None:
        people = self.people
        for role in ("business_unit", "organization", "integration", "team"):
            setattr(people, role, self.created_id())
        people.base_currency = self.created_id()
        self._seed("businessunit", people.business_unit, {"name": name})
        self._seed(
            "systemuser",
            people.integration,
            {
                "fullname": "# Integration",
                "lastname": "# Integration",
                "_businessunitid_value": people.business_unit,
                "isintegrationuser": True,
                "accessmode": 4,
            },
        )
        self._seed(
            "team",
            people.team,
            {"name": name, "_businessunitid_value": people.business_unit},
        )
        self._seed(
            "transactioncurrency",
            people.base_currency,
            {
                "isocurrencycode": currency,
                "currencyname": currency,
                "currencysymbol": currency,
                "currencyprecision": 2,
                "exchangerate": 1.0,
            },
        )
        self._seed(
            "organization",
            people.organization,
            {
                "name": name,
                "_basecurrencyid_value": people.base_currency,
                "currencydecimalprecision": 2,
                "pricingdecimalprecision": 2,
                "languagecode": 1033,
                "expirechangetrackingindays": 7,
            },
        )

    def _furnish(self) -> None:
        """Add the unit group that every organization starts with."""
        group, unit = (
            str(uuid5(UUID(self.people.organization), name))
            for name in (DEFAULT_UNIT_GROUP, PRIMARY_UNIT)
        )
        values = {"name": DEFAULT_UNIT_GROUP, "baseuomname": PRIMARY_UNIT}
        self._seed("uomschedule", group, values)
        self._seed(
            "uom",
            unit,
            {
                "name": PRIMARY_UNIT,
                "quantity": 1,
                "isschedulebaseuom": True,
                "_uomscheduleid_value": group,
            },
        )

    def _seed(self, table: str, row_id: str, values: Row) -> None:
        declared = self.schema.tables[table]
        row: Row = {wire: one.default for wire, one in declared.by_wire.items()}
        row |= {declared.key: row_id, **values}
        row["createdon"] = row["modifiedon"] = self.now()
        row["_createdby_value"] = row["_modifiedby_value"] = self.people.integration
        if "isdefault" in row:
            row["isdefault"] = True
        self.data.put(table, row)


_REFUSALS = {
    locked().status: (locked().code, locked().message),
    401: ("0x8005F101", "The access token has expired or is not valid."),
    429: (
        "0x80072322",
        "Number of requests exceeded the limit of 6000 over time window of 300 "
        "seconds.",
    ),
    503: ("0x80040216", "The service is unavailable."),
}


def _refusal_body(status: int) -> bytes:
    code, message = _REFUSALS.get(status, ("0x0", "The request failed."))
    return orjson.dumps({"error": {"code": code, "message": message}})
