"""What all management commands of ours are made of."""

from django.core.management.base import BaseCommand

from alai.kernel.checks import SETTINGS


class Command(BaseCommand):
    """Of Django's system checks only those of our settings run first.

    For the others every page and every call of the API would be loaded, a quarter of a command's start;
    `manage.py check` and `migrate`, with which `make run` begins, run them all.
    """

    requires_system_checks = [SETTINGS]
