"""What the root tells the kernel: which of the libraries' tables are audited, and what follows a migration."""

from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.signals import user_logged_in
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpRequest
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    PeriodicTasks,
    SolarSchedule,
)

from alai import celery
from alai.kernel import audit, context, logs
from alai.kernel.models import AuditEntry
from alai.schedule import seed


def register() -> None:
    logs.setup(settings.LOGGING)
    celery.app.set_default()  # so that a wake-up from the web process finds the broker
    user_logged_in.connect(signed_in, dispatch_uid="sign-in")
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    audit.register(User, omit=("password",), quiet=("last_login",))
    audit.register(Group)
    audit.register(User.groups.through)
    audit.register(User.user_permissions.through)
    audit.register(Group.permissions.through)
    audit.register(PeriodicTask, quiet=("last_run_at", "total_run_count", "date_changed"))
    for model in (ClockedSchedule, CrontabSchedule, IntervalSchedule, SolarSchedule):
        audit.register(model)
    audit.exempt(PeriodicTasks, reason="a change counter of the scheduler")
    audit.exempt(LogEntry, reason="the admin's own log of what is audited already")
    audit.exempt(Session, reason="empty: sessions live in alai.kernel's own table")
    for model in apps.get_app_config("axes").get_models():
        audit.exempt(model, reason="the sign-in log is a record itself")
    for model in (Permission, ContentType):
        audit.exempt(model, reason="written by migrations alone")


def signed_in(sender: object, request: HttpRequest | None, user: User, **_: object) -> None:
    with context.acting(actor=user.get_username()):
        audit.record(action="sign-in", target_type="auth_user", target_id=user.pk)


def after_migrate(**_: object) -> None:
    """Triggers and seeds that follow what the apps registered, as far as their tables are there: of one app alone
    (`migrate kernel`) they may not be yet."""
    existing = connection.introspection.table_names()
    if AuditEntry._meta.db_table in existing:
        audit.install_triggers()
    if PeriodicTask._meta.db_table in existing:
        seed()
