"""One file per job, and the operations on them.

Whichever of them a worker is told to load, all jobs are: an override that names no
job is found by every run.
"""

import flows.jobs  # noqa: F401 - loads the jobs
import tasks.secret_blocks  # noqa: F401 - lets settings name secrets
