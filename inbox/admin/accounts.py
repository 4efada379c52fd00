"""Mail accounts with their health in words: when each was last read, how far behind it is, what hinders it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alai.kernel import words
from alai.kernel.admin.base import Admin, badge
from inbox import accounts
from inbox.accounts import State
from inbox.models import Account, Folder

TONES = {
    State.WELL: "success",
    State.BEHIND: "info",
    State.NEW: "info",
    State.LATE: "danger",
    State.FAILING: "warning",
    State.NEEDS_YOU: "danger",
    State.OFF: "unknown",
    State.NOT_SET_UP: "unknown",
}
HEALTH = ("state", "said", "read", "folders_shown")
GROUPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("How it is", {"fields": HEALTH}),
    ("The mailbox", {"fields": ("address", "kind", "enabled", "addresses")}),
    ("The server", {"fields": ("host", "port", "security", "login", "secret_ref", "sent_folder")}),
    ("Triage", {"fields": ("triage", "llm", "authserv_ids", "cutover_at")}),
)


@admin.register(Account)
class AccountAdmin(Admin[Account]):
    """Its password is never here: `secret_ref` names where it is."""

    list_display = ("address", "kind", "state", "said", "read", "triage", "llm")
    list_filter = ("kind", "enabled", "triage")
    search_fields = ("address",)
    readonly_fields = HEALTH
    ordering = ("address",)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        return GROUPS if obj else GROUPS[1:]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # its mail hangs on it; switch it off instead

    @admin.display(description="State")
    def state(self, account: Account) -> SafeString:
        if account.kind == Account.Kind.FEED:
            return badge("fed", "unknown")
        found = accounts.health(account, timezone.now()).state
        return badge(found.value, TONES[found])

    @admin.display(description="In words")
    def said(self, account: Account) -> str:
        if account.kind == Account.Kind.FEED:
            return "Others post its mail."
        return accounts.health(account, timezone.now()).sentence

    @admin.display(description="Last read", ordering="succeeded_at")
    def read(self, account: Account) -> SafeString | str:
        return words.time_tag(account.succeeded_at)

    @admin.display(description="Folders")
    def folders_shown(self, account: Account) -> SafeString | str:
        rows = list(account.folders.all())
        if not rows:
            return "none yet"
        lines = [
            f"{one.name} ({one.get_role_display().lower()}): read up to {one.watermark:,}" for one in rows
        ]
        return format_html("{}", "; ".join(lines))


@admin.register(Folder)
class FolderAdmin(Admin[Folder]):
    list_display = ("name", "account", "role", "uidvalidity", "watermark")
    list_filter = ("role",)
    readonly_fields = ("account", "name", "role", "uidvalidity", "watermark")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
