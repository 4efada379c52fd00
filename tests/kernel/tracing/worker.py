"""A Celery application of its own queue, with jobs that tell in what context they run."""

from dataclasses import asdict

from celery import Celery

from alai.kernel import context
from alai.kernel.jobs import Idle
from alai.kernel.tracing import connect_celery

QUEUE = "tracing-tests"
app = Celery("tracing-tests", set_as_current=False)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.task_default_queue = QUEUE
connect_celery()


def told() -> str:
    return ";".join(f"{name}={value}" for name, value in asdict(context.current()).items())


@app.task(name="tell")
def tell() -> str:
    return told()


@app.task(name="pass_on")
def pass_on() -> str:
    tell.delay()
    return told()


@app.task(name="fail")
def fail() -> None:
    raise ValueError("no mailbox ada@example.com")


@app.task(name="idle")
def idle() -> str:
    return Idle("nothing to do")
