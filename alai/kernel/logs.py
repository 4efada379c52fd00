"""JSON lines with the handbook's required fields ("Structured Logging Format").

Imported by the settings: nothing here may import Django's settings or models at import time.
"""

import json
import logging
import logging.config
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter
from structlog.typing import EventDict, WrappedLogger

from alai.kernel.context import current
from alai.kernel.masking import MAX_TEXT, mask_field, mask_text

LEVELS = {"WARNING": "WARN", "CRITICAL": "ERROR"}
# Libraries that tell at INFO what our own lines already say, or say it each few seconds.
QUIET = {
    "httpx": "WARNING",
    "httpcore": "WARNING",
    "celery.beat": "WARNING",
    "celery.app.trace": "WARNING",
    "celery.worker.strategy": "WARNING",
    "django_celery_beat": "WARNING",
    "axes": "WARNING",
    # A refusal is the client's affair: the access line has its status. Errors of ours stay.
    "django.request": "ERROR",
    "django.security.DisallowedHost": "CRITICAL",
    "django.security.csrf": "ERROR",
    "psycopg.pool": "ERROR",
}


def logging_config(*, level: str, service: str, version: str) -> dict[str, Any]:
    """What `logging.config.dictConfig` takes: one handler, one JSON object a line.

    An unknown level counts as INFO; the check alai.E005 speaks of it.
    """
    level = level.upper() if level.upper() in logging.getLevelNamesMapping() else "INFO"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonFormatter, "service": service, "release": version}},
        "handlers": {"out": {"()": OutHandler, "formatter": "json"}},
        "root": {"handlers": ["out"], "level": level},
        "loggers": {name: {"level": quiet} for name, quiet in QUIET.items()} if level != "DEBUG" else {},
    }


def setup(config: dict[str, Any]) -> None:
    """Take the configuration into use for standard and structlog loggers alike; may be called again."""
    logging.config.dictConfig(config)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def is_command() -> bool:
    """Whether this process is a management command: its stdout is its result (a token, a YAML file, JSON)."""
    return Path(sys.argv[0]).name in {"manage.py", "django-admin"}


class OutHandler(logging.StreamHandler[TextIO]):
    """Writes to what stdout is at that moment; a management command's lines go to stderr."""

    def __init__(self) -> None:
        super().__init__(sys.stderr if is_command() else sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr if is_command() else sys.stdout
        super().emit(record)


class JsonFormatter(ProcessorFormatter):
    """One line for any record: what cannot be formatted is described instead."""

    def __init__(self, *, service: str, release: str) -> None:
        super().__init__(
            foreign_pre_chain=[ExtraAdder()],
            processors=[self._arrange, self._render],
        )
        self.service = service
        self.release = release

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except Exception as error:
            message = f"{_text(record.msg)} (could not be formatted: {type(error).__name__})"
            return self._render(None, "", self._required(record, message))

    def _required(self, record: logging.LogRecord, message: str) -> dict[str, Any]:
        acting = current()
        moment = datetime.fromtimestamp(record.created, UTC)
        return {
            "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": LEVELS.get(record.levelname, record.levelname),
            "service": self.service,
            "version": self.release,
            "logger": record.name,
            "message": mask_text(message),
            "trace_id": acting.trace_id,
            "span_id": acting.span_id,
            "request_id": acting.request_id,
        }

    def _arrange(self, _logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
        record: logging.LogRecord = event.pop("_record")
        line = self._required(record, str(event.pop("event", "")))
        exc_info, stack_info = event.pop("exc_info", None), event.pop("stack_info", None)
        del event["_from_structlog"]
        event.pop("request", None)  # Django's extra: its text shows the query string
        extras = {key: mask_field(str(key), value) for key, value in event.items()}
        # A field of the caller's never replaces a required one.
        line = {**extras, **line} if extras.keys() & line.keys() else {**line, **extras}
        if exc_info:
            line["exception"] = mask_text(_exception_text(exc_info))
        if stack_info:
            line["stack"] = mask_text(str(stack_info))
        return line

    @staticmethod
    def _render(_logger: WrappedLogger, _name: str, event: EventDict) -> str:
        return json.dumps(event, default=str, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


def _text(value: Any) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"


def _exception_text(exc_info: Any) -> str:
    if exc_info is True:
        exc_info = sys.exc_info()
    if isinstance(exc_info, BaseException):
        exc_info = (type(exc_info), exc_info, exc_info.__traceback__)
    # The end of a traceback says more than its beginning.
    return "".join(traceback.format_exception(*exc_info)).rstrip()[-MAX_TEXT:]
