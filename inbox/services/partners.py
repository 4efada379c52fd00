"""The allowlist: who counts as a partner, with which tier, in which account."""

import json
import re
from typing import Any

from alai.kernel import audit
from alai.kernel.errors import Invalid, NotFound
from alai.kernel.principals import Principal
from inbox.access import normal, require_account
from inbox.models import Account, Partner
from missioncontrol.services.common import acting_as

DOMAIN = re.compile(
    r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"  # com is nobody's
)
ADDRESS = re.compile(r"[^\s@<>\"(),:;]{1,64}@[^\s@<>\"(),:;]{1,253}")
LOWEST_TIER = 9


def add_partner(
    *,
    by: Principal,
    address: str = "",
    domain: str = "",
    name: str = "",
    tier: int = 1,
    reason: str = "",
    account: str | None = None,
) -> Partner:
    """Add an address or a domain with everything below it; one that is there already is changed."""
    address, domain = normal(address), bare(domain)
    check(address, domain, tier)
    scope = _scope(by, account)
    with acting_as(by, why=reason), audit.writing():
        partner, _ = Partner.objects.update_or_create(
            address=address,
            domain=domain,
            account=scope,
            defaults={"name": name[:200], "tier": tier, "reason": reason},
            create_defaults={"name": name[:200], "tier": tier, "reason": reason, "created_by": by.actor},
        )
    return partner


def bare(domain: str) -> str:
    """A domain as it is compared: without the @ or the dot that people write before it."""
    return normal(domain).lstrip("@.")


def remove_partner(*, by: Principal, partner_id: int) -> None:
    """Mail of theirs is judged like any other from now on."""
    partner = Partner.objects.select_related("account").filter(pk=partner_id).first()
    if partner is None:
        raise NotFound(f"There is no partner {partner_id}.", code="partner_not_found")
    _scope(by, partner.account.address if partner.account else None)
    with acting_as(by), audit.writing():
        partner.delete()


def import_partners(*, by: Principal, text: str) -> tuple[int, int]:
    """Take over a strategic-partners.json: `{"senders": [{email, name, tier, reason}], "domains": [...]}`.

    Answers how many rows were added and how many were there before; all or nothing. A domain is a text or an object
    with `domain`, `name`, `tier`, `reason`. Handbook: "Allowlist — strategic-partners.json".
    """
    rows = _rows(text)
    with acting_as(by, why="import_partners"), audit.writing():
        known = Partner.objects.count()
        for row in rows:
            add_partner(by=by, **row)
        added = Partner.objects.count() - known
    return added, len(rows) - added


def _scope(by: Principal, account: str | None) -> Account | None:
    """The account that a partner is limited to. A token limited to accounts may not speak for all of them."""
    if account is None:
        if by.accounts:
            raise Invalid("account: name one of the accounts that this token is limited to.")
        return None
    require_account(by, normal(account))
    found = Account.objects.filter(address=normal(account)).first()
    if found is None:
        raise Invalid(
            f"account: there is no account {account[:100]}.",
            errors=[{"loc": ["body", "account"], "msg": "there is no such account"}],
        )
    return found


def check(address: str, domain: str, tier: int) -> None:
    """Raise Invalid unless it is a partner's address or domain, both in the form in which they are compared."""
    if bool(address) == bool(domain):
        raise _invalid("address", "name either an address or a domain")
    if address and not ADDRESS.fullmatch(address):
        raise _invalid("address", f"{address[:100]!r} is no mail address")
    if domain and not DOMAIN.fullmatch(domain):
        raise _invalid("domain", f"{domain[:100]!r} is no domain")
    if not 1 <= tier <= LOWEST_TIER:
        raise _invalid("tier", f"a tier lies between 1 and {LOWEST_TIER}")


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}", errors=[{"loc": ["body", field], "msg": message}])


def _rows(text: str) -> list[dict[str, Any]]:
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The file is not JSON: {error}.") from None
    if not isinstance(loaded, dict) or not {"senders", "domains"} & loaded.keys():
        raise Invalid('The file is not like {"senders": [{"email": ...}], "domains": [...]}.')
    senders, domains = loaded.get("senders", []), loaded.get("domains", [])
    if not isinstance(senders, list) or not isinstance(domains, list):
        raise Invalid("`senders` and `domains` must be lists.")
    return [_row(one, "email") for one in senders] + [_row(one, "domain") for one in domains]


def _row(one: Any, key: str) -> dict[str, Any]:
    fields = {key: one} if isinstance(one, str) else one
    if not isinstance(fields, dict) or not isinstance(fields.get(key), str):
        raise Invalid(f"An entry has no {key}: {json.dumps(one)[:100]}.")
    tier = fields.get("tier", 1)
    if type(tier) is not int:
        raise Invalid(f"tier of {fields[key][:100]} is no whole number.")
    return {
        "address" if key == "email" else "domain": fields[key],
        "name": str(fields.get("name") or ""),
        "tier": tier,
        "reason": str(fields.get("reason") or ""),
    }
