"""One file per job, and the operations on them."""
