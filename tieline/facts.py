"""What is known of a company and its organisation, beyond single records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from tieline.odata.model import Side

T = TypeVar("T")


@dataclass(frozen=True)
class Setup:
    """Facts of the BC company that rules need."""

    local_currency: str
    unit_amount_precision: float = 0.00001
    write_in_type: str = ""
    write_in_number: str = ""


@dataclass(frozen=True)
class Organization:
    """Facts of the Dataverse organisation."""

    id: str
    base_currency_id: str
    base_currency_code: str
    currency_precision: int
    language_code: int


@dataclass
class OptionBook:
    """The option couplings of one column: codes and values, both ways.

    `refused` are codes whose option the service would not add, and its words.
    """

    values: dict[str, int] = field(default_factory=dict)
    codes: dict[int, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class Couplings(Protocol):
    """Who is coupled to whom, as the store tells it."""

    def hints(self, company: str, mapping: str, keys: Any) -> Sequence[Any]:
        """Return bc_id, dataverse_id, bc_key of couplings that remember these keys."""
        ...

    def by_dataverse_id(
        self, company: str, mapping: str, ids: Any
    ) -> dict[str, tuple[str, str | None]]:
        """Return {Dataverse id: (BC id, BC key)} of the coupled ones."""
        ...

    def coupling_rows(
        self,
        company: str,
        mapping: str,
        *,
        side: Literal["bc", "dataverse"],
        ids: Sequence[str],
    ) -> dict[str, dict[str, Any]]:
        """Return the couplings of these ids, by that side's id."""
        ...

    def correct_keys(
        self, company: str, mapping: str, keys: Mapping[str, str | None]
    ) -> None:
        """Set the BC keys that couplings remember, by BC id."""
        ...


class ConversionContext(Protocol):
    """What a conversion may ask the run for; the session answers."""

    @property
    def company_id(self) -> str:
        """The BC company's id."""
        ...

    @property
    def bc(self) -> Side:
        """Business Central, to look codes up where they live."""
        ...

    def kept(self, kind: type[T]) -> T:
        """Return the run's one instance of a class in which facts are kept."""
        ...

    @property
    def dataverse(self) -> Any:
        """The side of Dataverse, to read what a conversion refers to."""
        ...

    @property
    def store(self) -> Couplings:
        """The coupling store."""
        ...

    @property
    def planned(self) -> dict[str, dict[str, str]]:
        """What a dry run would create, by job: BC key to Dataverse id."""
        ...

    @property
    def is_dry_run(self) -> bool:
        """Whether writes are only noted."""
        ...

    async def setup(self) -> Setup:
        """Return the company's set-up."""
        ...

    async def organization(self) -> Organization:
        """Return the organisation's facts."""
        ...

    async def currency_factors(self) -> dict[str, float]:
        """Return units per LCY of every BC currency; LCY itself is 1."""
        ...

    async def local_currency_id(self, *, create: bool) -> str | None:
        """Return the Dataverse row of the local currency, creating it if asked."""
        ...

    async def company_row_id(self) -> str | None:
        """Return our row of bcbi_company, None where there is none."""
        ...

    async def owning_team_id(self) -> str | None:
        """Return the default owning team of our company row, if any."""
        ...

    async def options(
        self,
        bc_set: str,
        column: str,
        wanted: set[Any],
        *,
        create: bool,
        also: Sequence[str] = (),
    ) -> OptionBook:
        """Return the option couplings of a column."""
        ...
