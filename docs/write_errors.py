"""Writes docs/errors.md from tieline/errors.py: `uv run python docs/write_errors.py`.

What happened is the docstring of the error; what to do is said here.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from tieline import errors
from tieline.errors import TielineError

PAGE = Path(__file__).with_name("errors.md")

ADVICE = {
    "TL-000": "Run the command again with `tieline --debug COMMAND`, which shows where "
    "it came from, and report it.",
    "TL-100": "Correct what the message names; nothing was read or written.",
    "TL-101": "Correct the setting or argument that the message names. "
    "[configure.md](configure.md) lists all settings.",
    "TL-102": "Correct the key that the message names in `tieline.toml`. Every run is "
    "refused until then, whichever job the mistake is in.",
    "TL-103": "Set `TIELINE_BC__COMPANY` to one of the companies that the message "
    "lists, by name or id.",
    "TL-104": "Check tenant, client id and secret, whether the secret has expired, and "
    "whether the application was let into that environment.",
    "TL-105": "Name the record by its id on either side, or by its number or code in "
    "Business Central.",
    "TL-200": "Look at the code below it that the message names.",
    "TL-201": "Nothing at once: a run slows down and waits by itself. When it gives up "
    "all the same, others use up the limit; run it later.",
    "TL-202": "Check address, network and the service's own status, then run again. "
    "What was written is known; the next run goes on from there.",
    "TL-203": "Read the service's own words in the message. Sending it again as it is "
    "would not help.",
    "TL-204": "The record, table or property is gone or was never there. `tieline "
    "check` says which tables and columns are missing.",
    "TL-205": "Nothing: the record is read again and merged, up to three times a run, "
    "and at the next one.",
    "TL-206": "Look for the record that has the same key, and couple it "
    "([couple.md](couple.md)).",
    "TL-207": "Give the application the permission that the message names.",
    "TL-300": "`tieline errors` lists the record, `tieline explain` says what to do.",
    "TL-301": "Couple or transfer the record that the message names. This one goes "
    "through by itself at the next run ([failures.md](failures.md)).",
    "TL-302": "Decide with `tieline resolve JOB send` or `get`, or make the two fields "
    "equal by hand ([conflicts.md](conflicts.md)).",
    "TL-303": "`tieline resolve JOB restore`, `delete`, or `tieline uncouple` "
    "([conflicts.md](conflicts.md)).",
    "TL-304": "Correct the value in the source, or switch the field off or let it be "
    "cleared in `tieline.toml`.",
    "TL-305": "Couple the pair by hand, or match by fields that tell the records "
    "apart ([couple.md](couple.md)).",
    "TL-306": "Uncouple the other pair first, if this one is the right one.",
    "TL-307": "Read the service's own words in the message, and correct the record or "
    "the permission that they name.",
    "TL-308": "Do what the message says; it names the rule of this table.",
    "TL-309": "Nothing was done to this record. Make a new plan, or look at it first: "
    "somebody worked on it ([undo.md](undo.md), [run.md](run.md)).",
    "TL-310": "Nothing need be done: of sales prices the one that is valid today "
    "without minimum quantity stands in the row, and this one takes over when its day "
    "comes. Of other records keep one.",
    "TL-311": "Do as the message says where the record is meant to travel: couple it, "
    "create its counterpart, or run the other direction ([run.md](run.md)).",
    "TL-400": "Read the message: it names the job or the Prefect server that this one "
    "needs. `tieline --debug COMMAND` shows more.",
    "TL-401": "Check that both addresses are the right environments. If it is meant, "
    "raise the limits of `[safety]` ([configure.md](configure.md)) and run again.",
    "TL-402": "Publish the companion app, install the solution or bring the service "
    "up to date, as the message says; or switch the field off.",
    "TL-403": "Check that the store's database is reachable, intact and writable.",
    "TL-404": "Use the version of Tieline that wrote the store, or a newer one.",
    "TL-405": "Let the other run end. Runs of a job, and CUSTOMER and CONTACT, never "
    "overlap.",
    "TL-407": "Let the application create rows of `bcbi_company`, or run the "
    "connection set-up in Business Central once for each company: the row is what "
    "marks a company's accounts and contacts in a shared organisation.",
    "TL-406": "Switch at least one field of that direction on in `tieline.toml`.",
}

HEAD = """# Error codes

<!-- Written by docs/write_errors.py: change that, not this. -->

Every message of Tieline has a code that stays the same between versions. It is in
`tieline errors`, in the artifacts and states of runs, and in `--json` documents. Codes
that end in 00 are families: a message has one only when nothing more precise fits.

"""

FAMILIES = {
    "TL-000": "Anything else",
    "TL-100": "What you gave it is wrong: exit status 2",
    "TL-200": "A request failed",
    "TL-300": "One record failed, the run went on: exit status 3",
    "TL-400": "The job itself could not run: exit status 1",
}


def page() -> str:
    """Return the whole page."""
    text = HEAD
    for error in sorted(_errors(), key=lambda one: one.code):
        if error.code in FAMILIES:
            text += f"## {FAMILIES[error.code]}\n\n"
        text += f"### {error.code} {error.__name__}\n\n"
        text += f"{_happened(error)}\n\n{ADVICE[error.code]}\n\n"
    return text.rstrip() + "\n"


def _errors() -> list[type[TielineError]]:
    return [
        found
        for found in vars(errors).values()
        if isinstance(found, type) and issubclass(found, TielineError)
    ]


def _happened(error: type[TielineError]) -> str:
    if error is TielineError:
        return "Something broke that ought not to."
    return inspect.cleandoc(error.__doc__ or "").split("\n\n")[0].replace("\n", " ")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
