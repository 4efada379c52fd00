"""Looking at the world: small frozen probes, each of a named kind. Async and pure: no Django, no database."""

from infra.probes.base import Observation, Probe, Verdict, World
from infra.probes.kinds import KINDS, make

__all__ = ["KINDS", "Observation", "Probe", "Verdict", "World", "make"]
