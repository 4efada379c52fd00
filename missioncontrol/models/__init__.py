from missioncontrol.models.flow import CostEntry, CostTally, GatePolicy, Mention
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
    TeamPace,
)
from missioncontrol.models.views import SavedView

__all__ = [
    "CLOSED",
    "UNFINISHED",
    "Comment",
    "CostEntry",
    "CostTally",
    "Dependency",
    "Evidence",
    "GatePolicy",
    "Grant",
    "Lease",
    "Memory",
    "Mention",
    "Message",
    "Priority",
    "SavedView",
    "Status",
    "Task",
    "TaskEvent",
    "TaskPace",
    "TaskSearch",
    "TaskTally",
    "TeamPace",
]
