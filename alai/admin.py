"""The libraries' admins in the clothes of the rest: people, schedules and failed sign-ins."""

from datetime import timedelta
from typing import Any

import unfold.sites
from axes.admin import AccessAttemptAdmin, AccessFailureLogAdmin, AccessLogAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from django.core.cache.backends.dummy import DummyCache
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django_celery_beat.admin import ClockedScheduleAdmin as BaseClockedScheduleAdmin
from django_celery_beat.admin import CrontabScheduleAdmin as BaseCrontabScheduleAdmin
from django_celery_beat.admin import PeriodicTaskAdmin as BasePeriodicTaskAdmin
from django_celery_beat.admin import PeriodicTaskForm, TaskSelectWidget
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from alai.celery import app as celery_app
from alai.kernel import words
from alai.kernel.admin.base import Admin, History, badge

# ⌘K must neither miss a new task nor remember what somebody may no longer see.
unfold.sites.cache = DummyCache("palette", {})
celery_app.set_default()  # the form of a periodic task offers the tasks that this application knows
for model in (
    User, Group, PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule,
    AccessAttempt, AccessFailureLog, AccessLog,
):  # fmt: skip
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(User)
class UserAdmin(BaseUserAdmin, Admin[User]):  # type: ignore[type-arg]
    """People are deactivated, not deleted: their names stand in histories."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = (
        "username",
        "first_name",
        "last_name",
        "is_active",
        "is_staff",
        "is_superuser",
        "last_login",
    )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Last sign-in", ordering="last_login")
    def signed_in(self, user: User) -> SafeString | str:
        return words.time_tag(user.last_login) if user.last_login else "never"


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, Admin[Group]):
    """Members of `ceo` may approve overrides."""


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    pass


class ScheduleForm(PeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelect()


@admin.register(PeriodicTask)
class PeriodicTaskAdmin(BasePeriodicTaskAdmin, Admin[PeriodicTask]):
    form = ScheduleForm
    list_display = ("name", "state", "rhythm", "last_run", "runs", "about")
    list_filter = ("enabled",)
    search_help_text = "Name or task"

    @admin.display(description="State", ordering="enabled")
    def state(self, task: PeriodicTask) -> SafeString:
        return badge("Running", "success") if task.enabled else badge("Switched off", "unknown")

    @admin.display(description="When")
    def rhythm(self, task: PeriodicTask) -> str:
        interval = task.interval
        if interval is None:
            return str(task.scheduler)
        return f"every {words.duration(timedelta(**{interval.period: interval.every}))}"

    @admin.display(description="Last run", ordering="last_run_at")
    def last_run(self, task: PeriodicTask) -> SafeString | str:
        return words.time_tag(task.last_run_at) if task.last_run_at else "never"

    @admin.display(description="Runs", ordering="total_run_count")
    def runs(self, task: PeriodicTask) -> str:
        return f"{task.total_run_count:,}"

    @admin.display(description="What it does")
    def about(self, task: PeriodicTask) -> str:
        return str(task.description or task.task)


@admin.register(IntervalSchedule)
class IntervalScheduleAdmin(Admin[IntervalSchedule]):
    pass


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(BaseCrontabScheduleAdmin, Admin[CrontabSchedule]):
    pass


@admin.register(SolarSchedule)
class SolarScheduleAdmin(Admin[SolarSchedule]):
    pass


@admin.register(ClockedSchedule)
class ClockedScheduleAdmin(BaseClockedScheduleAdmin, Admin[ClockedSchedule]):
    pass


@admin.register(AccessAttempt)
class SignInAttemptAdmin(AccessAttemptAdmin, Admin[AccessAttempt]):
    """Deleting an attempt lets its user try again before the cool-off ends."""


@admin.register(AccessFailureLog)
class SignInFailureAdmin(AccessFailureLogAdmin, History[AccessFailureLog]):
    pass


@admin.register(AccessLog)
class SignInAdmin(AccessLogAdmin, History[AccessLog]):
    pass
