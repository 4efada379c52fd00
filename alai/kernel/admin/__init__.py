"""The kernel's rooms in the admin: who may act, what was done, what was told to whom, how long it is kept."""

from alai.kernel.admin import actors, audit, imports, needs, notifications, retention, sessions, tokens

__all__ = ["actors", "audit", "imports", "needs", "notifications", "retention", "sessions", "tokens"]
