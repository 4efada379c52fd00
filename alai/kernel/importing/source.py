"""A legacy SQLite file, copied while its old owner may still write, and read without trusting anything in it."""

import contextlib
import re
import shutil
import sqlite3
import string
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from alai.kernel.importing import values
from alai.kernel.importing.mapping import SourceRow
from alai.kernel.importing.raw import Raw, digest, row_hash, text_factory

COPY_SECONDS = 60
MAGIC = b"SQLite format 3\0"
LONGEST_KEY = 200
ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
HIDDEN, VIRTUAL = 1, 2  # in table_xinfo
MAX_ID = (
    2**52
)  # ids above were never counted up to, and a sequence behind them would leave JavaScript's numbers
# What quick_check says about bad rows rather than damaged pages; such rows are the importer's daily bread.
HARMLESS = re.compile(
    r"(NULL value in|\S+ value (missing )?(in|from)|non-unique entry|CHECK constraint|wrong #|row \d+)"
)


INDEX_OF_WORDS = re.compile(r"unable to validate", re.IGNORECASE)
VIRTUAL_TABLE = re.compile(r"CREATE\s+VIRTUAL\s", re.IGNORECASE)
LONGEST_TABLE = 200


class SourceError(Exception):
    """A file that cannot be imported; the message is a sentence for its owner."""

    def __init__(self, sentence: str) -> None:
        super().__init__(values.printable(sentence))


class Source:
    """A private copy of a SQLite file. Names of tables and columns are lower case, as SQLite compares them.

    `unread` are tables that hold something and cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = _copy(path)
        self.unread: list[str] = []
        self._lists: dict[str, str] = {}
        try:
            self.tables = self._read_tables()
        except sqlite3.DatabaseError as error:
            self.db.close()
            raise _damaged(path, error) from None

    def close(self) -> None:
        self.db.close()

    def columns(self) -> dict[str, list[str]]:
        """Each table's columns in lower case."""
        return {name: self._columns(real) for name, real in self.tables.items()}

    def count(self, table: str) -> int:
        row: tuple[int] = self._query(
            f"SELECT count(*) FROM {_quoted(self.tables[table])} NOT INDEXED"
        ).fetchone()
        return row[0]

    def rows(self, table: str, key: tuple[str, ...] = ()) -> Iterator[SourceRow]:
        """Every row, in the order of the file; without `key` the table's own primary key names them.

        A row whose key is missing, no number or taken by an earlier row is named by its content.
        """
        key = key or self.primary_key(table)
        taken: set[str] = set()
        for row in self._scan(table):
            hashed = row_hash(row)
            name, number = _name(row, key)
            if not name or name in taken:
                name = _unused(f"{name}~{hashed.hex()}", taken)
            taken.add(name)
            yield SourceRow(name, hashed, row, number)

    def numbers(self, table: str, columns: tuple[str, ...]) -> Iterator[tuple[int | None, ...]]:
        """Some columns alone, as whole numbers where they are such, in the same order as `rows`."""
        names = ", ".join(_quoted(name) for name in columns)
        for row in self._query(f"SELECT {names} FROM {_quoted(self.tables[table])} NOT INDEXED"):
            yield tuple(values.whole(value)[0] for value in row)

    def find(
        self, table: str, key: dict[str, Raw], moments: Sequence[str] = ()
    ) -> tuple[dict[str, Raw], dict[str, int | None]] | None:
        """One row by raw key values, and the `moments` as SQLite itself reads them as times, in seconds."""
        real = self.tables[table]
        columns = self._columns(real)
        asked = [name for name in moments if name in columns]
        seconds = "".join(f", CAST(strftime('%s', {_quoted(name)}) AS INTEGER)" for name in asked)
        select = f"SELECT {self._listed(real)}{seconds} FROM {_quoted(real)}"
        where = " AND ".join(f"{_quoted(name)} IS ?" for name in key)
        try:
            found = self._query(f"{select} WHERE {where}", *key.values()).fetchone()
        except SourceError:  # a key in a collation that only its program knows
            where = " AND ".join(f"{_quoted(name)} COLLATE BINARY IS ?" for name in key)
            found = self._query(f"{select} NOT INDEXED WHERE {where}", *key.values()).fetchone()
        if found is None:
            return None
        size = len(columns)
        return dict(zip(columns, found[:size], strict=True)), dict(zip(asked, found[size:], strict=True))

    def _scan(self, table: str) -> Iterator[dict[str, Raw]]:
        # NOT INDEXED: an index that disagrees with its table must not hide rows.
        real = self.tables[table]
        cursor = self._query(f"SELECT {self._listed(real)} FROM {_quoted(real)} NOT INDEXED")
        columns = [_lower(column[0]) for column in cursor.description]
        try:
            for row in cursor:
                yield dict(zip(columns, row, strict=True))
        except (sqlite3.DatabaseError, OverflowError, MemoryError) as error:
            raise _damaged(self.path, error) from None

    def _query(self, sql: str, *arguments: Raw) -> sqlite3.Cursor:
        try:
            return self.db.execute(sql, arguments)
        except sqlite3.DatabaseError as error:
            raise _damaged(self.path, error) from None

    def _read_tables(self) -> dict[str, str]:
        """Lower-case name -> name of the tables that hold rows: no views, no inner tables of SQLite's.

        A virtual table that cannot be read (of a foreign module, say) is passed over: what it holds stands in plain
        tables beside it.
        """
        found = self.db.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' ORDER BY rowid"
        ).fetchall()
        self.unread = [values.text(name)[0] for name, _ in found if not isinstance(name, str)]
        names = {
            name: isinstance(sql, str) and bool(VIRTUAL_TABLE.match(sql))
            for name, sql in found
            if isinstance(name, str) and not _lower(name).startswith("sqlite_")
        }
        closed = tuple(
            f"{name}_" for name, virtual in names.items() if virtual and not self._is_readable(name)
        )
        self.unread += [name.removesuffix("_") for name in closed]
        shadow: set[str] = set()
        with contextlib.suppress(sqlite3.DatabaseError):  # SQLite before 3.37 does not know table_list
            shadow = {row[1] for row in self.db.execute("PRAGMA table_list") if row[2] == "shadow"}
        wanted = [
            name
            for name in names
            if f"{name}_" not in closed and (name not in shadow or name.startswith(closed or ("\0",)))
        ]
        return {_named(name): name for name in wanted}

    def _is_readable(self, virtual: str) -> bool:
        try:
            self.db.execute(f"SELECT count(*) FROM {_quoted(virtual)}").fetchone()
            self.db.execute(f"SELECT * FROM {_quoted(virtual)} LIMIT 1").fetchone()
        except sqlite3.DatabaseError:
            return False
        return True

    def _listed(self, real: str) -> str:
        """What to select: all columns, but for generated ones whose expression fails for some row."""
        if real not in self._lists:
            described = self._query(f"PRAGMA table_xinfo({_quoted(real)})").fetchall()
            if not all(isinstance(row[1], str) for row in described):
                raise SourceError(
                    f"{self.path}: the table {real} has a column whose name is not UTF-8. Rename it, then import again."
                )
            made = [row[1] for row in described if row[6] == VIRTUAL]
            failing = {name for name in made if not self._is_computable(real, name)}
            kept = [_quoted(row[1]) for row in described if row[6] != HIDDEN and row[1] not in failing]
            self._lists[real] = ", ".join(kept) if failing else "*"
        return self._lists[real]

    def _is_computable(self, real: str, column: str) -> bool:
        try:
            self.db.execute(
                f"SELECT sum(length({_quoted(column)})) FROM {_quoted(real)} NOT INDEXED"
            ).fetchone()
        except sqlite3.DatabaseError:
            return False
        return True

    def _columns(self, real: str) -> list[str]:
        cursor = self._query(f"SELECT {self._listed(real)} FROM {_quoted(real)} LIMIT 0")
        return [_lower(column[0]) for column in cursor.description]

    def primary_key(self, table: str) -> tuple[str, ...]:
        described = self._query(f"PRAGMA table_info({_quoted(self.tables[table])})").fetchall()
        return tuple(_lower(row[1]) for row in sorted(described, key=lambda row: row[5]) if row[5])


def _lower(name: str) -> str:
    """As SQLite compares names: A to Z alone."""
    return name.translate(ASCII_LOWER)


def _named(table: str) -> str:
    """What the table is called here; a name beyond what we store is told apart by its digest."""
    name = _lower(table)
    return name if len(name) <= LONGEST_TABLE else f"{name[:160]}~{digest(name).hex()}"


def _name(row: dict[str, Raw], key: tuple[str, ...]) -> tuple[str, int | None]:
    """The row's key as text (empty when a part is missing or unusable), and as a number when it is one."""
    parts = []
    for column in key:
        number, _ = values.whole(row.get(column))
        raw = row.get(column)
        if number is not None and abs(number) < 2**63:
            parts.append(str(number))
        elif isinstance(raw, str) and raw and raw.isprintable():
            parts.append(raw)
        else:
            return "", None
    name = ":".join(parts)
    if not key or len(name) > LONGEST_KEY:
        return "", None
    return name, int(parts[0]) if len(parts) == 1 and values.WHOLE.fullmatch(parts[0]) else None


def _unused(name: str, taken: set[str]) -> str:
    """Rows that are alike in every column are told apart by a count."""
    unused, count = name, 1
    while unused in taken:
        count += 1
        unused = f"{name}.{count}"
    return unused


def _copy(path: Path) -> sqlite3.Connection:
    """A consistent copy, made by SQLite's backup; its file has no name, so that a kill leaves nothing behind."""
    _look(path)
    real = path.resolve()  # SQLite keeps its log and journal beside the file, not beside a link to it
    with tempfile.TemporaryDirectory(prefix="import-") as folder:
        copy = sqlite3.connect(Path(folder, "copy.db"), isolation_level=None)
        try:
            _back_up(real, copy, Path(folder))
            copy.text_factory = text_factory
            copy.execute("PRAGMA journal_mode = MEMORY")
            copy.execute("PRAGMA query_only = ON")
            _check_pages(path, copy)
        except sqlite3.Error as error:
            copy.close()
            raise _unreadable(path, error) from None
        except OSError as error:
            copy.close()
            raise _unreadable(path, error.strerror or error) from None
        except BaseException:
            copy.close()
            raise
    return copy


def _back_up(path: Path, copy: sqlite3.Connection, folder: Path) -> None:
    if _is_wal_at_rest(path):
        # SQLite would make a -shm beside it, in our name, and lock out the old system that starts next.
        plain = _plain_copy(path, folder)
        if _is_wal_at_rest(path):
            return _back_up_from(plain, "rw", copy, path)
    try:
        _back_up_from(path, "ro", copy, path)
    except sqlite3.OperationalError as error:
        # A writer was killed: its journal must be rolled back, which only a copy of both may be.
        if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
        _back_up_from(_plain_copy(path, folder), "rw", copy, path)


def _back_up_from(file: Path, mode: str, copy: sqlite3.Connection, path: Path) -> None:
    address = f"{file.resolve().as_uri()}?mode={mode}"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=COPY_SECONDS / 2)) as original:
        original.backup(copy, progress=_deadline(path))


def _plain_copy(path: Path, folder: Path) -> Path:
    """For a file that nobody has open: its bytes, with its log or journal."""
    for suffix in ("", "-wal", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{suffix}", folder / f"original.db{suffix}")
    return folder / "original.db"


def _is_wal_at_rest(path: Path) -> bool:
    """Whether the file is in WAL mode and nobody has it open."""
    with path.open("rb") as file:
        return file.read(20)[18:20] == b"\2\2" and not Path(f"{path}-shm").exists()


def _look(path: Path) -> None:
    """Refuse what is no SQLite file before SQLite guesses."""
    try:
        if path.is_dir():
            raise SourceError(f"{path} is a folder: name the SQLite files in it.")
        if not path.is_file():
            raise SourceError(f"{path} does not exist." if not path.exists() else f"{path} is no plain file.")
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}.") from None
    if not head:
        raise SourceError(f"{path} is empty: it holds no tables.")
    if head != MAGIC:
        raise SourceError(f"{path} is not a SQLite file, or it is encrypted: decrypt it first.")


def _deadline(path: Path) -> Callable[[int, int, int], None]:
    end = time.monotonic() + COPY_SECONDS

    def progress(status: int, remaining: int, total: int) -> None:
        if time.monotonic() > end:
            raise SourceError(
                f"{path} stayed locked for {COPY_SECONDS} seconds: stop what writes to it, or try later."
            )

    return progress


def _check_pages(path: Path, copy: sqlite3.Connection) -> None:
    try:
        messages = [message for (message,) in copy.execute("PRAGMA quick_check(100)")]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR:
            raise
        return  # it leans on a function or collation of its program; rows are read all the same, or say what is wrong
    for message in messages:
        line = message.decode("utf-8", "replace") if isinstance(message, bytes) else message
        if line != "ok" and not HARMLESS.match(line) and not INDEX_OF_WORDS.search(line):
            raise _damaged(path, line)


def _damaged(path: Path, error: object) -> SourceError:
    reason = " ".join(str(error).split())[:200]
    return SourceError(
        f"{path} is damaged ({reason}): repair it with `sqlite3 {path.name} .recover | sqlite3 repaired.db` "
        "and import the repaired file."
    )


def _unreadable(path: Path, error: object) -> SourceError:
    text = str(error)
    if "malformed" in text or "not a database" in text:
        return _damaged(path, error)
    return SourceError(
        f"{path} cannot be copied: {text}. Check its permissions, its -wal file and the free space."
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
