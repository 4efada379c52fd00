"""What can be wrong with a machine, said in one sentence that also says what to do."""

import os
import shutil
from pathlib import Path

MEGABYTE = 1024 * 1024


class EmbeddedError(Exception):
    """One clear sentence for the person at the terminal; entry points print it and exit 1."""


def disk_full(path: Path) -> EmbeddedError:
    """The sentence for a disk that filled up while a server was writing."""
    return EmbeddedError(f"The disk that holds {path} is full: free some space there and start again.")


def require_space(path: Path, megabytes: int) -> None:
    """Raise unless the disk of an existing `path` has that much room, since a server that
    meets a full disk half-way leaves a cryptic log and a longer repair."""
    free = shutil.disk_usage(path).free // MEGABYTE
    if free < megabytes:
        raise EmbeddedError(
            f"The disk that holds {path} has {free} MB left and {megabytes} MB are needed: "
            "free some space there, or choose another disk with DATA_DIR=/path."
        )


def cannot_write(path: Path, error: OSError) -> EmbeddedError:
    """The sentence for a folder or file in DATA_DIR that this account may not write."""
    reason = error.strerror or str(error)
    account = f"user id {os.geteuid()}"
    return EmbeddedError(
        f"{path} cannot be used by {account} ({reason}): make it writable for that account, "
        "or choose another folder with DATA_DIR=/path."
    )
