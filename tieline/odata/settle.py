"""Finds out what became of each row of a write, although answers get lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from tieline.errors import (
    ApiError,
    Duplicate,
    NotFound,
    Throttled,
    Unavailable,
    VersionConflict,
)
from tieline.odata.client import Client, gather_all
from tieline.odata.model import Change, Written
from tieline.odata.portion import Pieces, Portion, timed_out

ROUNDS = 5

Send = Callable[[Sequence[Change]], Awaitable[list[Written | None]]]
"""Writes rows; None stands for a row that the service gave no answer about."""
LookUp = Callable[[Sequence[Change]], Awaitable[list[Written | None]]]
"""Reads rows back: done, or refused for good, or None when still to be done."""

Attempt = tuple[list[Written | None], ApiError | None]
"""The answers to one message, and what broke it as a whole."""


async def settle(
    rows: Sequence[Change],
    *,
    send: Send,
    look_up: LookUp,
    client: Client,
    portion: Portion,
    is_parallel: bool = True,
) -> list[Written]:
    """Write `rows` and return the certain outcome of each, in their order.

    They go in messages of the portion's size. A message that takes the service too
    long is halved, until the row that is to blame stands alone.

    A row whose answer is lost, and one that is refused because an earlier try
    may have been carried out, is read back before it is written again. What
    stays undone or unknown carries Unavailable, with `maybe_done` when unknown.
    """
    outcome: dict[int, Written] = {}
    pending = list(range(len(rows)))
    failure: ApiError | None = None
    in_doubt = is_repeated = False
    fruitless = 0
    pieces = Pieces(portion)
    while pending and fruitless < ROUNDS:
        cut = pieces.cut(pending)
        attempts = await _attempts(send, rows, cut, is_parallel=is_parallel)
        answers = [one for answered, _ in attempts for one in answered]
        failed = next((one for _, one in attempts if one is not None), None)
        shrinks = [
            pieces.note(piece, timed_out(piece, answered, broken))
            for piece, (answered, broken) in zip(cut, attempts, strict=True)
            if broken is not None or any(answered)
        ]
        failure = failed or failure
        in_doubt = in_doubt or _leaves_doubt(failed, answers)
        latest = dict(zip(pending, answers, strict=True))
        unsure = [
            place
            for place, answer in latest.items()
            if _is_unsure(answer, is_repeated=is_repeated)
        ]
        outcome |= {p: a for p, a in latest.items() if a and p not in set(unsure)}
        if not unsure:
            break
        if isinstance(failed, Throttled) or (failed and not in_doubt):
            break
        failure = failed or _failure_among([latest[place] for place in unsure])
        try:
            found = await look_up([rows[place] for place in unsure])
        except (Unavailable, Throttled) as error:
            pending, failure = unsure, error
            break
        sent, pending, is_repeated = len(pending), [], True
        for place, state in zip(unsure, found, strict=True):
            refused = latest[place]
            if state is not None:
                outcome[place] = state
            elif refused is not None and _is_final(refused.error):
                outcome[place] = refused
            elif pieces.is_given_up(place):
                outcome[place] = _unknown(rows[place], failure, client, in_doubt=True)
            else:
                pending.append(place)
        if not pending:
            break
        if any(shrinks):
            fruitless = 0
            continue
        # A service may stop at each row that it refuses: those are steps ahead.
        fruitless = fruitless + 1 if len(pending) == sent else 0
        if failure is not None and fruitless < ROUNDS:
            pause_s = client.pause_after(failure, attempt=max(1, fruitless))
            if pause_s > client.wire.patience_s:
                break
            if isinstance(failure, Throttled):
                client.users.throttled(pause_s)
            await client.wire.sleep(pause_s)
    pieces.close()
    for place in pending:
        if place not in outcome:
            outcome[place] = _unknown(rows[place], failure, client, in_doubt=in_doubt)
    return [outcome[place] for place in range(len(rows))]


async def _attempts(
    send: Send,
    rows: Sequence[Change],
    cut: Sequence[Sequence[int]],
    *,
    is_parallel: bool,
) -> list[Attempt]:
    """Send the messages, all at once or in turn until one breaks."""
    parts = [[rows[place] for place in piece] for piece in cut]
    if is_parallel:
        return await gather_all(*(_attempt(send, part) for part in parts))
    attempts: list[Attempt] = []
    for part in parts:
        broken = next((one for _, one in attempts if one is not None), None)
        if broken is None:
            attempts.append(await _attempt(send, part))
        else:
            attempts.append(([None] * len(part), None))
    return attempts


async def _attempt(send: Send, rows: Sequence[Change]) -> Attempt:
    try:
        return await send(rows), None
    except (Unavailable, Throttled) as error:
        return [None] * len(rows), error


def _is_unsure(answer: Written | None, *, is_repeated: bool) -> bool:
    """Whether the row must be read back before its outcome is certain.

    A duplicate may be our own row: the id was chosen by us. On a repetition,
    a conflict or a missing row may be the trace of the first try.
    """
    if answer is None:
        return True
    if isinstance(answer.error, (Unavailable, Throttled, Duplicate)):
        return True
    return is_repeated and isinstance(answer.error, (VersionConflict, NotFound))


def _is_final(error: ApiError | None) -> bool:
    return isinstance(error, (Duplicate, VersionConflict, NotFound))


def _failure_among(answers: Sequence[Written | None]) -> ApiError | None:
    errors = [answer.error for answer in answers if answer is not None]
    return next(
        (one for one in errors if isinstance(one, (Unavailable, Throttled))), None
    )


def _leaves_doubt(failed: ApiError | None, answers: Sequence[Written | None]) -> bool:
    """Whether a try that did not succeed may have been carried out all the same."""
    if failed is not None:
        return isinstance(failed, Unavailable) and failed.maybe_done
    errors = [answer.error if answer else None for answer in answers]
    return None in answers or any(isinstance(one, Unavailable) for one in errors)


def _unknown(
    row: Change, failure: ApiError | None, client: Client, *, in_doubt: bool
) -> Written:
    error = Unavailable(
        failure.message if failure else "The service gave no answer about this row.",
        system=client.system,
        status=failure.status if failure else 0,
        service_code=failure.service_code if failure else "",
    )
    error.maybe_done = in_doubt
    return Written(row.id, error=error)
