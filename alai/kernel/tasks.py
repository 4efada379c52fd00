"""The kernel's background jobs; each answers a sentence."""

from celery import shared_task
from django.core.cache import cache

from alai.kernel import notifications, retention
from alai.kernel.jobs import Idle

DELIVERING = "delivering-notifications"


@shared_task
def deliver_notifications() -> str:
    """Send what is due. One run at a time: more of them would only occupy the worker while channels pause."""
    if not cache.add(DELIVERING, 1, timeout=30):
        return Idle("Another run delivers")
    try:
        return notifications.deliver()
    finally:
        cache.delete(DELIVERING)


@shared_task
def prune() -> str:
    """Delete what is older than its retention setting."""
    return retention.prune()
