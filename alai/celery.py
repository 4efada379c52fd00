"""The Celery application."""

import os

from celery import Celery

from alai.kernel import tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alai.settings")
app = Celery("mission-control")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
tracing.connect_celery()
