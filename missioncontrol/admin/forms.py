"""What people fill in: a task's planning fields, and the words that go with a verb."""

import re
from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.text import Truncator
from unfold.widgets import (
    INPUT_CLASSES,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from alai.kernel.pagination import MAX_BIGINT
from alai.kernel.shapes import in_utc
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


class TagsField(forms.Field):
    """Words between commas."""

    longest = 100

    def to_python(self, value: Any) -> list[str]:
        return self.words_of(str(value or "").replace("\0", ""))

    def validate(self, value: Any) -> None:
        super().validate(value)
        if len(value) > 50 or any(len(word) > self.longest for word in value):
            raise forms.ValidationError(f"At most 50 of at most {self.longest} characters.")

    def has_changed(self, initial: Any, data: Any) -> bool:
        return list(initial or []) != self.to_python(data)

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


class TextField(forms.CharField):
    """Text of several lines, which browsers send with other ends of lines than they were given."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_TEXT, **options)

    def to_python(self, value: Any) -> Any:
        return super().to_python(_plain_lines(value))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(_plain_lines(initial), _plain_lines(data))


def _plain_lines(text: Any) -> Any:
    return text.replace("\r\n", "\n") if isinstance(text, str) else text


class MinuteField(forms.DateTimeField):
    """A time to the minute; its seconds, which the browser's field does not show, are no change."""

    widget = forms.DateTimeInput(
        format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local", "class": " ".join(INPUT_CLASSES)}
    )
    input_formats = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")

    def to_python(self, value: Any) -> datetime | None:
        try:
            moment = super().to_python(value)
            return moment and in_utc(moment)
        except (ValueError, OverflowError):  # of years that no calendar here reaches
            raise forms.ValidationError("The year must lie between 1970 and 9000.") from None

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
    description = TextField(required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 10}))
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


class EditTaskForm(TaskForm):
    """What a field held when the page was opened travels with it: who saves changes what they changed, no more.

    Where the other one changed the same field, the form says so, and saving once more puts this value in its place.
    """

    def __init__(self, data: QueryDict | None, task: Task) -> None:
        self.sent = QueryDict() if data is None else data.copy()
        super().__init__(None if data is None else self.sent, initial=self.values_of(task))
        for field in self.fields.values():
            field.show_hidden_initial = True

    def clean(self) -> None:
        super().clean()
        for name in self.changed_data:
            bound = self[name]
            now, opened_with = bound.initial, self.sent.get(bound.html_initial_name)
            if opened_with is None or not bound.field.has_changed(now, opened_with):
                continue
            if bound.field.has_changed(now, bound.data):
                self.add_error(name, self._changed_meanwhile(bound))
                self.sent[bound.html_initial_name] = bound.field.prepare_value(now)

    def _changed_meanwhile(self, bound: forms.BoundField) -> str:
        now = bound.field.prepare_value(bound.initial)
        if bound.name == "priority":
            now = Priority(int(now)).label
        elif isinstance(now, datetime):
            now = f"{now:%Y-%m-%d %H:%M}"
        told = f"it is now “{Truncator(now).chars(200)}”" if now not in (None, "") else "it is empty now"
        return f"Somebody changed this after you had opened the form: {told}. Save again to put yours in its place."

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
    body = TextField(required=False)
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
