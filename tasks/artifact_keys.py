"""What artifacts are called: one key for each job and company, over all its runs."""

from __future__ import annotations

import re
import unicodedata

from tieline.report import JobReport
from tieline.session import Session


def artifact_key(report: JobReport, what: str) -> str:
    """Return the key that an artifact of a job has in all its runs.

    Those of another company than the one in the settings have its name in the key.
    """
    job = report.job.lower().replace(" ", "-")
    return "-".join(part for part in (job, report.key_company, what) if part)


def name_company(report: JobReport, session: Session) -> None:
    """Let the keys of a run's artifacts tell its company apart, where need be."""
    called = session.settings.bc.company.strip("{} ").casefold()
    names = (session.company_name, session.company_id, session.bc.company_meant_as)
    if called and called not in {name.casefold() for name in names if name}:
        report.key_company = short_name(session.company_name, session.company_id)


def short_name(name: str, id_: str) -> str:
    """Return a company's name in the letters that keys may have.

    Where that is not all of the name, the beginning of its id keeps it apart from
    others that look the same.
    """
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    short = re.sub(r"[^a-z0-9]+", "-", folded.lower()).strip("-")
    is_whole = short.replace("-", " ") == name.lower()
    return short if is_whole else "-".join(part for part in (short, id_[:8]) if part)
