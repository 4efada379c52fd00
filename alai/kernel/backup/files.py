"""Putting stored files back below MEDIA_ROOT, beside what stands there."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from django.conf import settings

from alai.kernel.backup.archive import BLOCK, Archive
from alai.kernel.backup.errors import BackupError, cannot_use
from alai.kernel.backup.progress import Step


class Unpacked:
    """Files of a backup that wait in a folder of their own. `place` moves them; `take_back` undoes that."""

    def __init__(self, folder: Path, archive: Archive) -> None:
        self._folder = folder
        self._root = Path(settings.MEDIA_ROOT)
        self._files = archive.manifest.files
        self._placed: list[Path] = []

    def place(self) -> None:
        """Move every file to its place, unless the same bytes stand there already."""
        for name, entry in self._files.items():
            target = self._root / name
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                self._placed.append(target)
                (self._folder / name).replace(target)
            elif _sha256(target) != entry.sha256:
                raise BackupError(f"{target} exists with other content: move it away and restore again.")

    def take_back(self) -> None:
        for path in self._placed:
            path.unlink(missing_ok=True)


@contextmanager
def unpacked(archive: Archive, step: Step) -> Iterator[Unpacked]:
    """Write the files of a backup to the disk that they belong on. If the block fails, none of them stays."""
    root = Path(settings.MEDIA_ROOT)
    before = os.umask(0o077)  # evidence is read by nobody but us
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".restoring-", dir=root))
        try:
            for name in archive.manifest.files:
                step(name, 0)
                _unpack(archive, name, folder / name)
            files = Unpacked(folder, archive)
            try:
                yield files
            except BaseException:
                files.take_back()
                raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise cannot_use(Path(error.filename or root), error) from None
    finally:
        os.umask(before)


def require_inside(archive: Archive) -> None:
    """Refuse names that lead out of MEDIA_ROOT."""
    for name in archive.manifest.files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or path.parts[0].startswith(".restoring-"):
            raise BackupError(f"{archive.path} is no backup to trust: it names the file {name}.")


def _unpack(archive: Archive, name: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for block in archive.file(name):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
