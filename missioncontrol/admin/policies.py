"""Evidence policies: what some tasks need before they are ready or done, edited by people."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextInputWidget

from alai.kernel import words
from alai.kernel.admin.base import Admin, badge
from missioncontrol import policies
from missioncontrol.admin import figures
from missioncontrol.admin.forms import KindsField
from missioncontrol.models import GatePolicy

if TYPE_CHECKING:
    BaseForm = forms.ModelForm[GatePolicy]
else:
    BaseForm = forms.ModelForm


class GatePolicyForm(BaseForm):
    kinds = KindsField(
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="One of each, as named at the upload, between commas: screenshot, test-report.",
    )

    class Meta:
        model = GatePolicy
        fields = (
            "team",
            "priority_at_least",
            "before_ready",
            "before_done",
            "minimum",
            "verified_only",
            "kinds",
            "why",
            "enabled",
        )


@admin.register(GatePolicy)
class GatePolicyAdmin(Admin[GatePolicy]):
    """Every task needs one piece of evidence, words will do; each policy that fits a task adds what it says."""

    form = GatePolicyForm
    list_display = ("told", "covers", "state")
    list_before_template = "missioncontrol/policies.html"
    fieldsets = (
        ("Which tasks", {"fields": ("team", "priority_at_least", "before_ready", "before_done")}),
        ("What they need", {"fields": ("minimum", "verified_only", "kinds", "why")}),
        (None, {"fields": ("enabled",)}),
    )
    readonly_fields = ("means", "covers")

    def get_fieldsets(self, request: HttpRequest, obj: GatePolicy | None = None) -> Any:
        told = (("What it means", {"fields": ("means", "covers")}),)
        return (*told, *self.fieldsets) if obj else self.fieldsets

    def save_model(self, request: HttpRequest, obj: GatePolicy, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        messages.info(request, f"{policies.sentence(obj)} It covers {self.covers(obj)}.")

    @admin.display(description="Policy", ordering="team")
    def told(self, policy: GatePolicy) -> SafeString:
        sentence = policies.sentence(policy)
        return format_html(
            '<span class="mc-title">{}</span><span class="mc-meta">{}</span>', sentence, policy.why
        )

    @admin.display(description="Policy")
    def means(self, policy: GatePolicy) -> str:
        return policies.sentence(policy)

    @admin.display(description="Covers")
    def covers(self, policy: GatePolicy) -> str:
        some = policies.covered(policy).order_by().values("pk")[: figures.COUNT_LIMIT]
        covered = some.count()
        more = " or more" if covered == figures.COUNT_LIMIT else ""
        return f"{covered:,}{more} open tasks" if more else words.plural(covered, "open task")

    @admin.display(description="State", ordering="enabled")
    def state(self, policy: GatePolicy) -> SafeString:
        return badge("On", "success") if policy.enabled else badge("Off", "unknown")
