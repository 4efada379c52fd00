"""The registry: the company's facts as YAML files on one side, as rows that the admin edits on the other.

`load` brings the files in, keeps what was edited by hand and shows it as a difference, and prunes only what files
once brought. `export` writes the rows back, byte for byte the same where nothing changed.
"""

from infra.registry.apply import Outcome, load
from infra.registry.export import export
from infra.registry.files import Problem, RegistryError
from infra.registry.kinds import Kind, kind_of, kinds, register
from infra.registry.plan import Change, Difference, Plan, differences

__all__ = [
    "Change",
    "Difference",
    "Kind",
    "Outcome",
    "Plan",
    "Problem",
    "RegistryError",
    "differences",
    "export",
    "kind_of",
    "kinds",
    "load",
    "register",
]
