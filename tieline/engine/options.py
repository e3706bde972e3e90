"""What one run was asked for: its parameters, read and checked once.

The flow's parameters, the command's options and a stored plan all become
`RunOptions`; empty parameters take what the mapping says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from tieline.errors import SettingsError
from tieline.mapping import TableMapping
from tieline.policies import DeletionConflictPolicy, Direction, UpdateConflictPolicy


class RunOptions(BaseModel):
    """What one run was asked for; empty parameters have taken the mapping's.

    `records` are ids of either side, or numbers or codes of Business Central. With
    `fill_blanks` newly coupled pairs only get values where a side is blank. With
    `restores` a person decided that the records are made anew whose counterpart is
    gone, skipped or not.
    """

    model_config = ConfigDict(frozen=True)

    direction: Direction
    update_conflict: UpdateConflictPolicy = UpdateConflictPolicy.MERGE
    deletion_conflict: DeletionConflictPolicy = DeletionConflictPolicy.NONE
    records: tuple[str, ...] = ()
    full: bool = False
    only_coupled: bool = True
    force: bool = False
    dry_run: bool = False
    fill_blanks: bool = False
    restores: bool = False

    @classmethod
    def of(
        cls,
        mapping: TableMapping,
        *,
        direction: str | None = None,
        records: Sequence[str] | None = None,
        create_new: bool | None = None,
        update_conflict: str | None = None,
        deletion_conflict: str | None = None,
        **others: bool,
    ) -> RunOptions:
        """Fill the empty parameters of a run with the mapping's own values.

        Raises:
            SettingsError: the job does not offer the direction, or a forced run is
                not limited to one.
        """
        chosen = Direction(direction) if direction else mapping.direction
        if not mapping.offers(chosen):
            offered = [mapping.direction, *mapping.also_offered]
            msg = f"{mapping.name} does not run {chosen}."
            raise SettingsError(msg, advice=f"It offers {', '.join(offered)}.")
        if others.get("force") and chosen is Direction.BIDIRECTIONAL:
            msg = "A forced run needs one direction."
            raise SettingsError(
                msg, advice="Add the direction to-dataverse or from-dataverse."
            )
        return cls(
            direction=chosen,
            update_conflict=UpdateConflictPolicy(
                update_conflict or mapping.update_conflict
            ),
            deletion_conflict=DeletionConflictPolicy(
                deletion_conflict or mapping.deletion_conflict
            ),
            records=tuple(records or ()),
            only_coupled=mapping.only_coupled if create_new is None else not create_new,
            **others,
        )

    @classmethod
    def planned(cls, parameters: dict[str, Any]) -> RunOptions:
        """Return what a stored plan's run was asked for, now in earnest."""
        return cls.model_validate({**parameters, "dry_run": False})

    def to_plan(self) -> dict[str, Any]:
        """Return what is stored of the options with a plan: plain JSON values."""
        return self.model_dump(mode="json")

    def but(self, **changes: Any) -> RunOptions:
        """Return these options with some of them changed."""
        return self.model_copy(update=changes)
