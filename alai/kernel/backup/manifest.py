"""What a backup says about itself: `manifest.json`, the last member of the file."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from alai.kernel.backup.errors import BackupError

APPLICATION = "alai-mission-control"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class TableEntry:
    """A table: its columns in the order of the copy, its number of rows, the SHA-256 of the copy."""

    columns: tuple[str, ...]
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A stored file: bytes and their SHA-256."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """`transactions_below`: every transaction number among the rows is lower. `sequences`: `table.column` to the
    last number given. `missing_files`: rows name them, the disk did not have them."""

    version: str
    made_at: str
    postgresql: str
    transactions_below: int
    migrations: tuple[tuple[str, str], ...]
    tables: dict[str, TableEntry]
    sequences: dict[str, int]
    files: dict[str, FileEntry]
    missing_files: tuple[str, ...]

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())

    def facts(self) -> dict[str, Any]:
        """What the commands print with --json."""
        return {
            "made_at": self.made_at,
            "version": self.version,
            "rows": self.rows,
            "tables": {name: table.rows for name, table in self.tables.items()},
            "files": len(self.files),
            "missing_files": list(self.missing_files),
        }

    def to_json(self) -> str:
        return json.dumps({"application": APPLICATION, "format": FORMAT, **asdict(self)}, indent=1)


def from_json(text: str, name: str) -> Manifest:
    """Read a manifest; raises BackupError for what is none, or of a format to come."""
    try:
        data = json.loads(text)
        if data["application"] != APPLICATION:
            raise ValueError
        if data["format"] > FORMAT:
            raise BackupError(
                f"{name} was made by a newer Mission Control ({data['version']}): update this one and restore again."
            )
        return _manifest(data)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BackupError(f"{name} is no backup of Mission Control.") from None


def _manifest(data: dict[str, Any]) -> Manifest:
    return Manifest(
        version=str(data["version"]),
        made_at=str(data["made_at"]),
        postgresql=str(data["postgresql"]),
        transactions_below=int(data["transactions_below"]),
        migrations=tuple((str(app), str(name)) for app, name in data["migrations"]),
        tables={
            name: TableEntry(tuple(table["columns"]), int(table["rows"]), str(table["sha256"]))
            for name, table in data["tables"].items()
        },
        sequences={name: int(last) for name, last in data["sequences"].items()},
        files={
            name: FileEntry(int(file["size"]), str(file["sha256"])) for name, file in data["files"].items()
        },
        missing_files=tuple(data["missing_files"]),
    )
