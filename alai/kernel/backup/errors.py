"""Why a backup could not be taken or restored."""

import errno
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class BackupError(Exception):
    """One clear sentence for the person at the terminal."""


def cannot_use(path: Path, error: OSError) -> BackupError:
    """The sentence for a file or folder that the operating system refuses."""
    if error.errno in FULL:
        return BackupError(
            f"There is no room left for {path}: free some space, or name a file on another disk."
        )
    return BackupError(
        f"{path} cannot be used ({error.strerror or error}): make that right, or name another file."
    )
