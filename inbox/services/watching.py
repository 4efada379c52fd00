"""Which accounts are watched, and how they are reached."""

from typing import Any

from django.core.exceptions import ValidationError

from alai.kernel import audit
from alai.kernel.errors import Invalid
from alai.kernel.principals import Principal
from inbox.access import normal
from inbox.models import Account
from missioncontrol.services.common import acting_as


def watch_account(*, by: Principal, address: str, **settings: Any) -> tuple[Account, bool]:
    """Fetch this account from now on, or change how; answers whether it is new. Raises Invalid.

    `settings` are fields of Account: host, port, security, login, secret_ref, sent_folder, authserv_ids, enabled. One
    that waits after a failure is tried at the next turn, since somebody has mended something.
    """
    with acting_as(by), audit.writing(why="a mail account was set up"):
        account = Account.objects.select_for_update().filter(address=normal(address)).first()
        new = account is None
        account = account or Account(address=normal(address))
        for name, value in {"kind": Account.Kind.IMAP, **settings, "retry_at": None}.items():
            setattr(account, name, value)
        _require_sense(account)
        account.save()
    return account, new


def _require_sense(account: Account) -> None:
    """422 with a sentence a field."""
    try:
        account.full_clean()
        if account.enabled and not (account.host and account.secret_ref):
            raise ValidationError({"host": "An account that is fetched needs a host and a secret reference."})
    except ValidationError as error:
        errors = [
            {"loc": [field], "msg": sentence}
            for field, all_ in error.message_dict.items()
            for sentence in all_
        ]
        detail = " ".join(f"{one['loc'][0]}: {one['msg']}" for one in errors)
        raise Invalid(detail, errors=errors) from None
