"""The libraries' admins in the clothes of the rest: people, schedules and failed sign-ins."""

from datetime import timedelta
from typing import Any

import unfold.sites
from axes.admin import AccessAttemptAdmin, AccessFailureLogAdmin, AccessLogAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from celery.schedules import ParseException, crontab_parser
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group, User
from django.core.cache.backends.dummy import DummyCache
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
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
from unfold.decorators import action
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from alai.celery import app as celery_app
from alai.kernel import two_factor, words
from alai.kernel.admin.base import Admin, History, badge, principal
from alai.kernel.admin.pages import shown
from alai.kernel.errors import ApiError
from alai.kernel.models import Authenticator
from alai.kernel.people import CEO, outranks

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
class UserAdmin(BaseUserAdmin, Admin[User]):  # type: ignore[type-arg,misc]
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
        "second_factor",
        "signed_in",
    )
    actions_detail = ("reset_second_factor",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        held = Authenticator.objects.filter(user=OuterRef("pk"))
        people: QuerySet[User] = super().get_queryset(request)
        return people.annotate(has_second_factor=Exists(held))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who could set a superuser's password would be one."""
        return super().has_change_permission(request, obj) and (obj is None or outranks(request.user, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fixed = super().get_readonly_fields(request, obj)
        return fixed if request.user.is_superuser else (*fixed, "is_superuser", "groups", "user_permissions")

    @action(description="Reset two-factor", icon="phonelink_erase", url_path="reset-two-factor")
    def reset_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """For somebody who lost phone and recovery codes: asks why, and tells them."""
        by = principal(request)
        by.require("admin")
        person = self.get_object(request, object_id)
        if person is None:
            raise Http404(f"There is no person {object_id}.")
        if request.method == "POST":
            try:
                two_factor.reset(by=by, user=person, reason=request.POST.get("reason", ""))
            except ApiError as error:
                messages.error(request, error.detail)
            else:
                messages.success(
                    request, f"{person} signs in with the password alone now, and was signed out."
                )
            return HttpResponseRedirect(reverse("admin:auth_user_change", args=[person.pk]))
        context = {"opts": self.opts, "person": person, "device": two_factor.of(person)}
        return shown(request, "admin/two_factor_reset.html", context, title="Reset two-factor?")

    @admin.display(description="Two-factor")
    def second_factor(self, user: Any) -> SafeString:
        return badge("On", "success") if user.has_second_factor else badge("Off", "unknown")

    @admin.display(description="Last sign-in", ordering="last_login")
    def signed_in(self, user: User) -> SafeString | str:
        return words.time_tag(user.last_login) if user.last_login else "never"


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, Admin[Group]):
    """Members of `ceo` may approve overrides. Permissions are handed out by superusers alone."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser) and (obj is None or obj.name != CEO)


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    pass


class ScheduleForm(PeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelect()

    def clean(self) -> Any:
        """The library takes for granted that the task's name was fit."""
        return self.cleaned_data if "task" in self.errors else super().clean()

    def clean_headers(self) -> str:
        return self.cleaned_data["headers"] or "{}"


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


class CrontabForm(forms.ModelForm):  # type: ignore[type-arg]
    """What Celery cannot read would stop beat, and with it every schedule."""

    LIMITS = {
        "minute": (60, 0), "hour": (24, 0), "day_of_week": (7, 0), "day_of_month": (31, 1), "month_of_year": (12, 1),
    }  # fmt: skip

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]
        for name in self.LIMITS.keys() & self.cleaned_data.keys():
            try:
                crontab_parser(*self.LIMITS[name]).parse(self.cleaned_data[name])
            except (ParseException, ValueError) as error:
                self.add_error(name, f"Celery cannot read this: {str(error)[:200]}.")


@admin.register(CrontabSchedule)
class CrontabScheduleAdmin(BaseCrontabScheduleAdmin, Admin[CrontabSchedule]):
    form = CrontabForm


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
