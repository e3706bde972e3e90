"""Multipart batches as Dataverse takes them: the shared reader and writer."""

from emulator.odata.multipart import (
    ChangeSet,
    MultipartError,
    Operation,
    Part,
    boundary_of,
    http_part,
    nested_part,
    read_batch,
    split_parts,
    write_parts,
)

__all__ = [
    "ChangeSet",
    "MultipartError",
    "Operation",
    "Part",
    "boundary_of",
    "http_part",
    "nested_part",
    "read_batch",
    "split_parts",
    "write_parts",
]
