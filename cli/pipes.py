"""Output into a pipe whose reader has had enough: dropped, as after `| head`."""

from __future__ import annotations

import errno
import io
import sys
from typing import Any

_ENDED = (errno.EPIPE, errno.EINVAL)
"""What a write to a pipe without a reader fails with, here and on Windows."""


class QuietPipe(io.FileIO):
    """A stream that takes everything after its reader went away."""

    def write(self, data: Any, /) -> int:
        """Write, or drop what nobody reads any more."""
        try:
            return super().write(data) or 0
        except OSError as error:
            if error.errno not in _ENDED:
                raise
            return len(memoryview(data))


def let_readers_leave() -> None:
    """Let a command whose output is piped end as if all of it had been read."""
    try:
        number = sys.stdout.fileno()
        if sys.stdout.isatty():
            return
    except (OSError, ValueError, AttributeError):
        return
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    raw = QuietPipe(number, "w", closefd=False)
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(raw), encoding=encoding, errors="replace"
    )
