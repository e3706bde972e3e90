"""What can go wrong, as one tree. Every leaf has a stable code and one docs entry.

TielineError
├─ SetupError                 exit 2: what the user gave us is wrong
│  ├─ SettingsError           TL-101  settings, tieline.toml, arguments
│  ├─ MappingOverrideError    TL-102  a mapping override that cannot be applied
│  ├─ UnknownCompany          TL-103  no such company on the service
│  ├─ SignInRefused           TL-104  credentials or token refused
│  └─ UnknownRecord           TL-105  no record with this id, number or code
├─ ApiError                   one request: carries system, status, service code
│  ├─ Throttled               TL-201  wait the time we were told
│  ├─ Unavailable             TL-202  unreachable, timed out, 5xx: try again later
│  └─ Rejected                TL-203  the service said no: not retryable as it is
│     ├─ NotFound             TL-204  the record or resource is not there
│     ├─ VersionConflict      TL-205  somebody changed the record meanwhile
│     ├─ Duplicate            TL-206  a record with this key exists
│     └─ Forbidden            TL-207  a permission is missing
├─ RecordError                one record; the run goes on, the record is parked
│  ├─ Blocked                 TL-301  waits for another record to be coupled
│  ├─ UpdateConflict          TL-302  both sides changed, no policy says who wins
│  ├─ CoupledToDeleted        TL-303  the coupled record was deleted
│  ├─ ConversionError         TL-304  a value cannot be converted
│  ├─ Ambiguous               TL-305  several matches while coupling, or none
│  ├─ AlreadyCoupled          TL-306  the other record is coupled to a third
│  ├─ WriteRejected           TL-307  the service refused the write
│  ├─ RuleViolated            TL-308  a rule of this table forbids it
│  ├─ MovedMeanwhile          TL-309  a planned change no longer fits the record
│  ├─ SharedRow               TL-310  another record stands for the same row
│  └─ LeftOut                 TL-311  a named record that the job leaves alone
└─ RunError                   exit 1: the job itself could not run
   ├─ SafetyStop              TL-401  a side looks empty, or too many deletions
   ├─ DriftError              TL-402  a table or column is missing in the metadata
   ├─ StoreError              TL-403  the store cannot be opened or written
   ├─ StoreTooNew             TL-404  the store was written by a newer version
   ├─ Busy                    TL-405  another run of this job is under way
   ├─ NoFieldMappings         TL-406  nothing to transfer in this direction
   └─ SharedOrganization      TL-407  companies cannot be told apart
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Literal

from tieline.wording import one_line

SystemName = Literal["bc", "dataverse"]

SYSTEM_TITLES: dict[str, str] = {
    "bc": "Business Central",
    "dataverse": "Dataverse",
}


_TWO_STOPS = re.compile(r"(?<!\.)\.\.(?=\s|$)")


class TielineError(Exception):
    """Anything Tieline reports to people: one sentence, and what to do about it.

    `code` is stable; `advice` is a second sentence or empty. The text never
    holds a secret: whoever raises it builds it from names and ids only. A name
    that ends in a full stop leaves one at the end of its sentence, not two, and what
    a service or a record wrote into it stays on its line.
    `is_passing` marks a failure that only the moment caused: a lock, a time-out, a
    service that is away. It is tried again and never makes a record skipped.
    """

    code: ClassVar[str] = "TL-000"
    exit_code: ClassVar[int] = 1
    is_passing: bool = False

    def __init__(self, message: str, *, advice: str = "") -> None:
        self.message = _TWO_STOPS.sub(".", one_line(message))
        self.advice = _TWO_STOPS.sub(".", one_line(advice))
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()


class SetupError(TielineError):
    """What the user gave us is wrong: fatal for the run, exit status 2."""

    code = "TL-100"
    exit_code = 2


class SettingsError(SetupError):
    """A setting, an argument or tieline.toml is missing or malformed."""

    code = "TL-101"


class MappingOverrideError(SetupError):
    """A mapping override in tieline.toml cannot be applied."""

    code = "TL-102"


class UnknownCompany(SetupError):
    """Business Central has no company of this name or id."""

    code = "TL-103"


class SignInRefused(SetupError):
    """The service or its token endpoint refused the credentials."""

    code = "TL-104"


class UnknownRecord(SetupError):
    """A record that was named is on neither side."""

    code = "TL-105"


class ApiError(TielineError):
    """One request failed.

    `status` is the HTTP status (0 when there was no answer), `service_code` the
    service's own code, `request_id` what its support asks for.
    """

    code = "TL-200"

    def __init__(
        self,
        message: str,
        *,
        system: SystemName,
        status: int = 0,
        service_code: str = "",
        request_id: str = "",
        advice: str = "",
    ) -> None:
        super().__init__(message, advice=advice)
        self.system: SystemName = system
        self.status = status
        self.service_code = service_code
        self.request_id = request_id


class Throttled(ApiError):
    """The service asked us to slow down; `retry_after_s` is its wish, if any."""

    code = "TL-201"
    is_passing = True
    retry_after_s: float | None = None


class Unavailable(ApiError):
    """No answer, a time-out or a 5xx.

    `maybe_done` tells that the request may have been carried out all the same,
    `timed_out` that it took the service too long: a smaller one may not.
    """

    code = "TL-202"
    is_passing = True
    maybe_done: bool = False
    timed_out: bool = False


class Rejected(ApiError):
    """The service understood and refused: sending it again changes nothing."""

    code = "TL-203"


class NotFound(Rejected):
    """The record, table or property is not there."""

    code = "TL-204"


class VersionConflict(Rejected):
    """The record changed since we read it (409, 412 or 428)."""

    code = "TL-205"
    is_passing = True


class Duplicate(Rejected):
    """A record with this key exists already."""

    code = "TL-206"


class Forbidden(Rejected):
    """The signed-in application lacks a permission."""

    code = "TL-207"


class RecordError(TielineError):
    """One record cannot be synchronized; the run continues without it.

    `is_told_once`: it lasts until something else changes, so it counts when it is
    new, is looked at in each run, and then stands among the errors only.
    """

    code = "TL-300"
    is_told_once = False


class Blocked(RecordError):
    """Waits for another record: `mapping` names its job, `key` the record.

    `key` is the BC number or code, or the Dataverse id when only that is known.
    """

    code = "TL-301"

    def __init__(self, message: str, *, mapping: str, key: str) -> None:
        super().__init__(message)
        self.mapping = mapping
        self.key = key


class UpdateConflict(RecordError):
    """Both sides changed the same fields to different values.

    `seen` holds, by field key, the values of source and destination of those that
    the sides never had in common; `is_first` when all of them are such fields.
    """

    code = "TL-302"

    def __init__(
        self,
        message: str,
        *,
        fields: tuple[str, ...] = (),
        seen: Mapping[str, tuple[object, object]] | None = None,
        is_first: bool = False,
    ) -> None:
        super().__init__(message)
        self.fields = fields
        self.seen = seen or {}
        self.is_first = is_first


class CoupledToDeleted(RecordError):
    """The record is coupled to one that no longer exists."""

    code = "TL-303"

    @classmethod
    def of(cls, side: SystemName, id_: str) -> CoupledToDeleted:
        """Return the failure of a record whose counterpart on a side is gone."""
        return cls(
            f"The record is coupled to a deleted record: {id_} no longer exists in "
            f"{SYSTEM_TITLES[side]}."
        )


class ConversionError(RecordError):
    """A value has no counterpart on the other side.

    `awaits` names what would be its counterpart: a choice column and a label, or
    None where nothing that may appear would help.
    """

    code = "TL-304"

    def __init__(
        self,
        message: str,
        *,
        advice: str = "",
        awaits: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(message, advice=advice)
        self.awaits = awaits


class Ambiguous(RecordError):
    """Match-based coupling found no single uncoupled counterpart."""

    code = "TL-305"


class AlreadyCoupled(RecordError):
    """One to one: the other record is coupled to a third."""

    code = "TL-306"


class WriteRejected(RecordError):
    """The service refused to write this record; the text is the service's."""

    code = "TL-307"


class RuleViolated(RecordError):
    """A rule of this table forbids the transfer."""

    code = "TL-308"


class MovedMeanwhile(RecordError):
    """A planned change was refused because the record changed since the plan."""

    code = "TL-309"


class SharedRow(RecordError):
    """Several records stand for one row of the other side; another one has it."""

    code = "TL-310"
    is_told_once = True


class LeftOut(RecordError):
    """A record that a person named is one that the job leaves alone."""

    code = "TL-311"


class RunError(TielineError):
    """The job itself could not run: exit status 1."""

    code = "TL-400"


class SafetyStop(RunError):
    """A run stopped before the first harm: the plan shows what it would do."""

    code = "TL-401"


class DriftError(RunError):
    """The service's metadata lacks a table or column that the job needs."""

    code = "TL-402"


class StoreError(RunError):
    """The coupling store cannot be opened or written."""

    code = "TL-403"


class StoreTooNew(StoreError):
    """The store's schema is newer than this version of Tieline."""

    code = "TL-404"


class Busy(RunError):
    """Another run of the same job, or of one sharing its lock, is under way."""

    code = "TL-405"


class SharedOrganization(RunError):
    """Nothing would tell new records from those of another company."""

    code = "TL-407"


class NoFieldMappings(RunError):
    """The mapping has no enabled field row in the run's direction."""

    code = "TL-406"
