"""Importing legacy SQLite databases: mappings as data, one engine for all of them. See docs/import.md."""

from alai.kernel.importing.mapping import (
    Candidate,
    Check,
    DatabaseMapping,
    Draft,
    Rejection,
    TableMapping,
    register,
)
from alai.kernel.importing.retry import retry
from alai.kernel.importing.runner import Busy, Report, run

__all__ = [
    "Busy",
    "Candidate",
    "Check",
    "DatabaseMapping",
    "Draft",
    "Rejection",
    "Report",
    "TableMapping",
    "register",
    "retry",
    "run",
]
