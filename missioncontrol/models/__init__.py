from missioncontrol.models.history import Comment, Evidence, Grant, TaskEvent
from missioncontrol.models.hivemind import Memory, Message
from missioncontrol.models.tasks import (
    CLOSED,
    UNFINISHED,
    Dependency,
    Lease,
    Priority,
    Status,
    Task,
    TaskPace,
    TaskSearch,
    TaskTally,
)

__all__ = [
    "CLOSED",
    "UNFINISHED",
    "Comment",
    "Dependency",
    "Evidence",
    "Grant",
    "Lease",
    "Memory",
    "Message",
    "Priority",
    "Status",
    "Task",
    "TaskEvent",
    "TaskPace",
    "TaskSearch",
    "TaskTally",
]
