"""What probes judge of ourselves: signs of life, secrets that must be changed, and where backups lay."""

from collections.abc import Mapping
from datetime import date, timedelta

from alai.kernel import health
from infra.models import CheckState, Secret
from infra.probes.house import SecretRecord

PARTS = ("worker", "mail", "watch", "beat")


def part_records() -> Mapping[str, float | None]:
    """How many seconds ago each part of ours last showed life; None for never."""
    return {part: health.age_of_stamp(part) for part in PARTS}


def secret_records() -> Mapping[str, SecretRecord]:
    """When each secret with a rotation or an expiry must be changed."""
    return {secret.slug: record for secret in Secret.objects.all() if (record := due(secret)) is not None}


def backup_records() -> Mapping[str, str]:
    """The name of the machine that had a check's files at its last look, by their pattern."""
    looks = CheckState.objects.filter(check_record__kind="backup", facts__has_key="machine")
    return dict(looks.values_list("check_record__settings__files", "facts__machine"))


def due(secret: Secret) -> SecretRecord | None:
    """The earlier of rotation and expiry; None for a secret that is changed only when it was compromised."""
    days: list[tuple[date, str]] = []
    if secret.rotation_days and secret.last_rotated:
        after = secret.last_rotated + timedelta(days=secret.rotation_days)
        days.append((after, f"every {secret.rotation_days} days"))
    if secret.expires_on:
        ahead = secret.before_expiry_days or 0
        days.append((secret.expires_on - timedelta(days=ahead), f"expires on {secret.expires_on:%-d %b %Y}"))
    if days:
        return SecretRecord(*min(days))
    return SecretRecord(None, f"every {secret.rotation_days} days") if secret.rotation_days else None
