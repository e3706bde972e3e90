"""What a run was asked for, filled up with what its mapping says."""

from __future__ import annotations

from tieline.batch import RunOptions
from tieline.errors import SettingsError
from tieline.mapping import (
    DeletionConflictPolicy,
    Direction,
    TableMapping,
    UpdateConflictPolicy,
)


def options_for(
    mapping: TableMapping,
    *,
    direction: str | None = None,
    records: list[str] | None = None,
    full: bool = False,
    create_new: bool | None = None,
    force: bool = False,
    update_conflict: str | None = None,
    deletion_conflict: str | None = None,
    dry_run: bool = False,
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
    if force and chosen is Direction.BIDIRECTIONAL:
        msg = "A forced run needs one direction."
        raise SettingsError(
            msg, advice="Add the direction to-dataverse or from-dataverse."
        )
    return RunOptions(
        direction=chosen,
        update_conflict=UpdateConflictPolicy(
            update_conflict or mapping.update_conflict
        ),
        deletion_conflict=DeletionConflictPolicy(
            deletion_conflict or mapping.deletion_conflict
        ),
        records=tuple(records or ()),
        full=full,
        only_coupled=mapping.only_coupled if create_new is None else not create_new,
        force=force,
        dry_run=dry_run,
    )
