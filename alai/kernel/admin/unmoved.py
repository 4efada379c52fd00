"""A record's form does not take back what somebody else saved while it was open."""

import hashlib
import json
from typing import TYPE_CHECKING, Any

from django import forms

if TYPE_CHECKING:
    BaseForm = forms.BaseForm
else:
    BaseForm = object

OPENED_WITH = "_opened_with"


class Unmoved(BaseForm):
    """The page carries a digest of what each field held when it was opened, and is refused when that moved.

    A form that is sent without it, by a script, is judged as it is.
    """

    def opened_with(self) -> str:
        """What stood in the fields when this person opened the form, however often it was refused since."""
        return str(self.data.get(OPENED_WITH, "")) or json.dumps(self._digests())

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        opened_with = self._sent()
        moved = [
            str(self.fields[name].label or name)
            for name, digest in self._digests().items()
            if opened_with.get(name, digest) != digest
        ]
        if moved:
            raise forms.ValidationError(
                f"Somebody changed this after you had opened the form: {', '.join(moved)}. Nothing of yours is saved. "
                "Open it anew in another tab, and put there what you still want of what stands below."
            )
        return cleaned

    def _sent(self) -> dict[str, Any]:
        try:
            found = json.loads(self.data.get(OPENED_WITH, "{}"))
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _digests(self) -> dict[str, str]:
        return {
            name: _digest(field.prepare_value(self.get_initial_for_field(field, name)))
            for name, field in self.fields.items()
            if not field.disabled
        }


def _digest(value: Any) -> str:
    """Of a list the order does not count: references to many come in any."""
    parts = sorted(map(str, value)) if isinstance(value, (list, tuple)) else [str(value)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
