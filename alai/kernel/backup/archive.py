"""The file itself: a ZIP archive with a member a table, a member a stored file, and the manifest."""

import hashlib
import os
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from alai.kernel.backup.errors import BackupError, cannot_use
from alai.kernel.backup.manifest import Manifest, from_json

MANIFEST = "manifest.json"
BLOCK = 256 * 1024
COMPRESSION = 3  # half the time of the usual 6, and a tenth larger
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # a changed bit names another, whose errors are many
# What Python's zipfile raises for bytes that were changed, wherever they stand.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, KeyError, EOFError, NotImplementedError, RuntimeError,
    UnicodeDecodeError, ValueError, OverflowError,
)  # fmt: skip


def table_member(name: str) -> str:
    return f"tables/{name}.copy"


def file_member(name: str) -> str:
    return f"files/{name}"


@dataclass
class Sink:
    """Counts and hashes what is written, and passes it on in blocks unless `out` is None."""

    out: IO[bytes] | None
    size: int = 0
    lines: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    waiting: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes | memoryview) -> None:
        self.waiting += data
        if len(self.waiting) >= BLOCK:
            self.flush()

    def flush(self) -> None:
        self.digest.update(self.waiting)
        self.size += len(self.waiting)
        self.lines += self.waiting.count(b"\n")
        if self.out:
            self.out.write(self.waiting)
        self.waiting.clear()

    @property
    def sha256(self) -> str:
        return self.digest.hexdigest()


class Writer:
    """An archive that is being written."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    @contextmanager
    def member(self, name: str) -> Iterator[Sink]:
        info = zipfile.ZipInfo(name, time.gmtime()[:6])
        info.compress_type = zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        with self._archive.open(info, "w", force_zip64=True) as out:
            sink = Sink(out)
            yield sink
            sink.flush()

    def finish(self, manifest: Manifest) -> None:
        with self.member(MANIFEST) as sink:
            sink.write(manifest.to_json().encode())


@contextmanager
def writing(path: Path, *, force: bool) -> Iterator[Writer]:
    """Write an archive that appears under its name only when it is whole and on the disk. It holds password
    hashes, so its owner alone may read it."""
    try:
        _require_target(path, force=force)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")  # mode 0600
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                with zipfile.ZipFile(file, "w", compresslevel=COMPRESSION) as archive:
                    yield Writer(archive)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise cannot_use(path, error) from None


class Archive:
    """An archive that is being read. Every member is checked against its hash as it is read."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self.path = path
        self._archive = archive
        if MANIFEST not in archive.namelist():
            raise BackupError(f"{path} is no backup of Mission Control.")
        self.manifest = from_json(b"".join(self._read(MANIFEST, "the manifest")).decode(), str(path))

    def table(self, name: str) -> Iterator[bytes]:
        """The blocks of a table's copy."""
        return self._checked(table_member(name), f"the table {name}", self.manifest.tables[name].sha256)

    def file(self, name: str) -> Iterator[bytes]:
        """The blocks of a stored file."""
        return self._checked(file_member(name), f"the file {name}", self.manifest.files[name].sha256)

    def _checked(self, member: str, what: str, sha256: str) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for block in self._read(member, what):
            digest.update(block)
            yield block
        if digest.hexdigest() != sha256:
            raise self._damaged(what)

    def _read(self, member: str, what: str) -> Iterator[bytes]:
        try:
            if self._archive.getinfo(member).compress_type not in METHODS:
                raise self._damaged(what)
            with self._archive.open(member) as file:
                while block := file.read(BLOCK):
                    yield block
        except DAMAGE:
            raise self._damaged(what) from None

    def _damaged(self, what: str) -> BackupError:
        return BackupError(f"{self.path} is damaged: {what} is not as it was saved. Use another backup.")


@contextmanager
def reading(path: Path) -> Iterator[Archive]:
    """Open a backup; raises BackupError when it is none or cannot be read."""
    with _opened(path) as file:
        begins_well = file.read(4) == b"PK\x03\x04"
        try:
            archive = zipfile.ZipFile(file)
        except DAMAGE:
            what = (
                "was cut off or damaged: use another copy"
                if begins_well
                else "is no backup of Mission Control"
            )
            raise BackupError(f"{path} {what}.") from None
        with archive:
            yield Archive(path, archive)


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise BackupError(f"{path} does not exist: name a file that `manage.py backup` wrote.") from None
    except IsADirectoryError:
        raise BackupError(f"{path} is a folder: name a file that `manage.py backup` wrote.") from None
    except OSError as error:
        raise cannot_use(path, error) from None


def _require_target(path: Path, *, force: bool) -> None:
    if path.is_dir():
        raise BackupError(f"{path} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise BackupError(f"The folder {path.parent} does not exist: create it, or name a file elsewhere.")
    if path.exists() and not force:
        raise BackupError(f"{path} exists already: name another file, or overwrite it with --force.")


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
