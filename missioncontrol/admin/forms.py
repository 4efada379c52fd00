"""What people fill in: a task's planning fields, and the words that go with a verb."""

import re
from typing import Any

from django import forms
from unfold.widgets import (
    INPUT_CLASSES,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from alai.kernel.pagination import MAX_BIGINT
from missioncontrol.models import Priority, Status, Task

STARTING = [(status.value, status.label) for status in (Status.OPEN, Status.IN_PROGRESS, Status.BLOCKED)]
MAX_TEXT = 100_000


class IdsField(forms.Field):
    """Task ids as people write them: `#12, 15`."""

    def to_python(self, value: Any) -> list[int]:
        found = []
        for word in re.split(r"[\s,;]+", str(value or "").strip()):
            digits = word.lstrip("#")
            if not digits:
                continue
            if not digits.isascii() or not digits.isdigit() or not 0 < int(digits[:20]) <= MAX_BIGINT:
                raise forms.ValidationError(f"{word[:40]} is not a task's number.")
            found.append(int(digits))
        return list(dict.fromkeys(found))

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(f"#{number}" for number in value) if isinstance(value, list) else value

    def validate(self, value: Any) -> None:
        if len(value) > 200:
            raise forms.ValidationError("At most 200 tasks.")


class TagsField(forms.CharField):
    """Words between commas."""

    longest = 100

    def clean(self, value: Any) -> Any:
        found = self.words_of(super().clean(value))
        if len(found) > 50 or any(len(word) > self.longest for word in found):
            raise forms.ValidationError(f"At most 50 of at most {self.longest} characters.")
        return found

    def has_changed(self, initial: Any, data: Any) -> bool:
        return list(initial or []) != self.words_of(data or "")

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def words_of(self, text: str) -> list[str]:
        return list(dict.fromkeys(found for word in text.split(",") if (found := word.strip())))


class AbilitiesField(TagsField):
    """Words that are compared: in small letters, as the API stores them."""

    def words_of(self, text: str) -> list[str]:
        return super().words_of(text.lower())


class KindsField(AbilitiesField):
    longest = 50  # as a kind of evidence may have


class MinuteField(forms.DateTimeField):
    """A time to the minute; its seconds, which the browser's field does not show, are no change."""

    widget = forms.DateTimeInput(
        format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local", "class": " ".join(INPUT_CLASSES)}
    )
    input_formats = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(initial and initial.replace(second=0, microsecond=0), data)


def _line(
    label: str, *, limit: int = 100, required: bool = False, suggestions: str = "", **extra: Any
) -> Any:
    attrs = {"autocomplete": "off", **({"list": suggestions} if suggestions else {})}
    widget = UnfoldAdminTextInputWidget(attrs=attrs)
    return forms.CharField(label=label, max_length=limit, required=required, widget=widget, **extra)


class TaskForm(forms.Form):
    """The planning fields, which people may always edit."""

    title = _line("Title", limit=500, required=True)
    description = forms.CharField(
        required=False, max_length=MAX_TEXT, widget=UnfoldAdminTextareaWidget(attrs={"rows": 10})
    )
    priority = forms.TypedChoiceField(
        choices=[(rank.value, rank.label) for rank in reversed(Priority)],
        coerce=lambda value: Priority(int(value)),
        initial=Priority.MEDIUM,
        widget=UnfoldAdminSelectWidget,
    )
    team = _line("Team", suggestions="teams")
    due_at = MinuteField(label="Due", required=False)
    tags = TagsField(required=False, widget=UnfoldAdminTextInputWidget, help_text="Separated by commas.")
    requires = AbilitiesField(
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="What an agent must be able to do to be handed it, separated by commas: gpu.",
    )
    depends_on = IdsField(
        label="Waits for",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Numbers of tasks: #12, #15.",
    )
    parent_id = IdsField(
        label="Part of",
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="Number of the larger task.",
    )
    cost_usd = forms.DecimalField(
        label="Cost in USD", required=False, min_value=0, max_digits=12, decimal_places=4,
        widget=UnfoldAdminDecimalFieldWidget,
    )  # fmt: skip
    source = _line("Source", suggestions="sources", help_text="Where it came from.")

    def clean_parent_id(self) -> int | None:
        numbers: list[int] = self.cleaned_data["parent_id"]
        if len(numbers) > 1:
            raise forms.ValidationError("A task is part of one other task at most.")
        return numbers[0] if numbers else None

    @staticmethod
    def values_of(task: Task) -> dict[str, Any]:
        """The form's initial values for a task."""
        plain = {
            name: getattr(task, name)
            for name in ("title", "description", "team", "tags", "requires", "cost_usd", "source", "due_at")
        }
        waits_for = sorted(row.depends_on_id for row in task.dependency_rows.all())
        parent = [task.parent_id] if task.parent_id else []
        return {**plain, "priority": str(task.priority), "depends_on": waits_for, "parent_id": parent}


class NewTaskForm(TaskForm):
    """A new task also has a first status and an owner."""

    status = forms.TypedChoiceField(
        choices=STARTING, coerce=Status, initial=Status.OPEN, widget=UnfoldAdminSelectWidget
    )
    owner = _line("Owner", suggestions="owners")


class VerbForm(forms.Form):
    """Everything that a verb may carry; each verb says what it needs."""

    reason = forms.CharField(required=False, max_length=2000)
    owner = forms.CharField(required=False, max_length=100)
    body = forms.CharField(required=False, max_length=MAX_TEXT)
    evidence = forms.CharField(required=False, max_length=500)
    file = forms.FileField(required=False, max_length=255)
    kind = forms.CharField(required=False, max_length=50)


class SavedViewForm(forms.Form):
    """A saved view's name, its query, and whether everyone sees it; the service judges them."""

    name = forms.CharField(required=False, max_length=200)
    query = forms.CharField(required=False, max_length=2000)
    shared = forms.BooleanField(required=False)

    def fields_of_a_view(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("name", "query", "shared")}


class BulkForm(forms.Form):
    """The value for a bulk action, and why."""

    reason = forms.CharField(
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="Needed where somebody holds a task; it stands in each task's history.",
    )


class BulkPriorityForm(BulkForm):
    priority = forms.TypedChoiceField(
        choices=[(rank.value, rank.label) for rank in reversed(Priority)],
        coerce=lambda value: Priority(int(value)),
        widget=UnfoldAdminSelectWidget,
    )
    field_order = ("priority", "reason")


class BulkTeamForm(BulkForm):
    team = _line("Team", suggestions="teams", help_text="Empty: no team.")
    field_order = ("team", "reason")


class BulkCancelForm(BulkForm):
    reason = forms.CharField(
        max_length=2000,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="It stands in each task's history, and ends the lease of whoever holds one.",
    )
