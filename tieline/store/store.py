"""What Tieline remembers between runs: one store, opened once per process."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from tieline.store.address import parse_address
from tieline.store.cache import Cache
from tieline.store.candidates import Candidates
from tieline.store.couplings import Couplings
from tieline.store.environment import Environment
from tieline.store.intents import Intents
from tieline.store.journal import Journal
from tieline.store.locks import Locks
from tieline.store.migrate import migrate
from tieline.store.options import Options
from tieline.store.plans import Plans
from tieline.store.pruning import Pruning
from tieline.store.record_errors import RecordErrors
from tieline.store.saving import Saving
from tieline.store.upkeep import Upkeep
from tieline.store.watermarks import Watermarks


class Store(
    Saving,
    Couplings,
    Candidates,
    RecordErrors,
    Watermarks,
    Intents,
    Journal,
    Plans,
    Options,
    Cache,
    Environment,
    Upkeep,
    Pruning,
    Locks,
):
    """Couplings and all else that outlives a run, on SQLite or PostgreSQL.

    Synchronous and safe to share among threads. Every method is one transaction
    and raises StoreError when the database fails.
    """

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the store at an SQLAlchemy URL, creating or migrating it.

        Raises SettingsError for an address that is none, StoreTooNew when a newer
        version wrote the store, StoreError when it is unreachable or corrupt.
        """
        store = cls(parse_address(url))
        try:
            migrate(store)
        except BaseException:
            store.close()
            raise
        return store

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
