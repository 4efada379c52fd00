"""The ledger in the admin. Histories are read-only; every change of a task goes through a service."""

from missioncontrol.admin import hivemind, needs, policies, records, tasks

__all__ = ["hivemind", "needs", "policies", "records", "tasks"]
