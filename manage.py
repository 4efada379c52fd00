#!/usr/bin/env python3
"""Run a management command, with the embedded servers unless DATABASE_URL and BROKER_URL name others."""

import gc
import os
import signal
import sys

if sys.version_info < (3, 12):  # noqa: UP036 - people do run this with the system's python3
    sys.exit("error: Python 3.12 or newer is needed: use .venv/bin/python, which `make run` creates.")

# What a command imports stays: walking it again and again is a tenth of its start.
gc.set_threshold(50_000, 20)

try:
    import psycopg
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import OperationalError, ProgrammingError, connections

    from alai import embedded
except ModuleNotFoundError as missing:
    sys.exit(f"error: {missing.name} is not installed: use .venv/bin/python, which `make run` creates.")

# Settings want addresses even where nobody connects to them.
NOWHERE = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing", "BROKER_URL": "redis://127.0.0.1:1/0"}

# What needs neither database nor broker starts none.
ALONE = {"help", "version", "--version", "triage_eml"}


def needs_servers(arguments: list[str]) -> bool:
    """Help, version and commands that only compute are answered without starting anything."""
    first = arguments[0] if arguments else "help"
    return first not in ALONE and not {"-h", "--help"} & set(arguments)


def run(arguments: list[str]) -> None:
    """Run one command; its servers, if nobody else uses them, stop with it."""
    if not needs_servers(arguments):
        for variable, address in NOWHERE.items():
            os.environ.setdefault(variable, address)
        execute_from_command_line(sys.argv)
        return
    with embedded.servers() as urls:
        os.environ.update(urls)
        try:
            execute_from_command_line(sys.argv)
        finally:
            connections.close_all()


def why_not(error: OperationalError) -> str:
    """What stands between us and the database. A pool says only that it waited in vain, so we ask once without it."""
    try:
        psycopg.connect(**connections["default"].get_connection_params()).close()
    except psycopg.OperationalError as refused:
        reason = first_line(refused)
        what = "refuses us" if "FATAL:" in reason else "does not answer"
        return f"The database {what}; look at DATABASE_URL ({reason})"
    return f"The database did not do it ({first_line(error)})"


def first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def main() -> None:
    """Entry point: TERM and a closed terminal end a command like Ctrl-C does, servers included."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alai.settings")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, frame: sys.exit(128 + received))
    try:
        run(sys.argv[1:])
    except embedded.EmbeddedError as error:
        sys.exit(f"error: {error}")
    except ImproperlyConfigured as error:
        sys.exit(f"error: {error}")
    except OperationalError as error:
        sys.exit(f"error: {why_not(error)}")
    except ProgrammingError as error:
        if getattr(error.__cause__, "sqlstate", "") != "42P01":  # undefined_table
            raise
        sys.exit(
            "error: The database lacks tables: run `manage.py migrate` first, or `make run`, which does."
        )
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
