"""The rules of the house that no linter knows."""

import ast
import inspect
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from celery import current_app
from django.core.management import get_commands, load_command_class
from django.db import connection
from django_celery_beat.models import PeriodicTask

from alai.kernel.command import Command
from alai.schedule import SCHEDULES
from alai.wiring import after_migrate
from inbox import services as inbox_services
from missioncontrol import services
from tests.benchmarks.__main__ import BENCHMARKS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["alai", "missioncontrol", "inbox", "infra"]
SOURCES = [
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts
]


@pytest.mark.parametrize("task", [task for task, _, _ in SCHEDULES.values()])
def test_every_schedule_names_a_task_that_exists(task: str) -> None:
    import_module(task.rpartition(".")[0])
    assert task in current_app.tasks


def test_no_run_waits_longer_than_for_the_next_one(db: None) -> None:
    """While a worker is away its queue must not fill up with runs that are all the same."""
    seeded = PeriodicTask.objects.filter(name__in=SCHEDULES).select_related("interval")
    assert {one.name: one.expire_seconds for one in seeded} == {
        name: seconds for name, (_, seconds, _) in SCHEDULES.items()
    }


@pytest.mark.parametrize("missing", ["django_celery_beat_periodictask", "kernel_auditentry"])
def test_one_app_can_be_migrated_before_the_others_have_tables(db: None, missing: str) -> None:
    """`manage.py migrate kernel` on an empty database: seeds and triggers wait for their tables."""
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION kernel_audit_bulk CASCADE")
        cursor.execute(f"DROP TABLE {missing} CASCADE")
    after_migrate()
    assert missing not in connection.introspection.table_names()


@pytest.mark.parametrize("services", [services, inbox_services])
def test_every_service_takes_keywords_alone(services: ModuleType) -> None:
    for name in services.__all__:
        service = getattr(services, name)
        if inspect.isfunction(service):
            kinds = {parameter.kind for parameter in inspect.signature(service).parameters.values()}
            assert kinds <= {inspect.Parameter.KEYWORD_ONLY}, name


def test_every_command_of_ours_is_tested() -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    ours = [name for name, app in get_commands().items() if str(app).split(".")[0] in PACKAGES]
    assert ours
    assert [name for name in ours if name not in tests] == []


def test_every_command_of_ours_starts_without_loading_every_page() -> None:
    ours = [(str(app), name) for name, app in get_commands().items() if str(app).split(".")[0] in PACKAGES]
    assert [name for app, name in ours if not isinstance(load_command_class(app, name), Command)] == []


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_can_be_loaded(name: str) -> None:
    """Those that nobody ran for a while, too."""
    assert callable(import_module(f"tests.benchmarks.{name}").run)


def test_modules_fit_in_the_head() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: lines for name, lines in long.items() if lines > 450} == {}


def test_no_module_imports_its_own_house_inside_a_function() -> None:
    """An `AppConfig.ready` has to: models do not exist before it."""
    found = []
    for path in SOURCES:
        if path.name == "apps.py":
            continue
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            inner = [node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
            names = [getattr(node, "module", None) or node.names[0].name for node in inner]
            found += [f"{path.relative_to(ROOT)}: {name}" for name in names if name.split(".")[0] in PACKAGES]
    assert found == []
