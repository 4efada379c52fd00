"""Whether the last finished build of a branch went well, by GitHub's list of workflow runs.

The sites deploy from GitHub Actions by direct upload, so a build that failed never reaches the host: the runs are where
it shows. Handbook: "Static Hosting Blueprint" 2 and 4. Source: `GET /repos/{repo}/actions/runs`.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

import aiohttp

from infra.probes.base import Observation, SecretMissing, Verdict, World, down
from infra.probes.guard import Refused
from infra.probes.http import _name, _since

API = "https://api.github.com"
MAX_ANSWER = 4 * 1024 * 1024
GOOD = ("success", "neutral", "skipped")
NOTHING = ("cancelled", "stale")  # says neither


@dataclass(frozen=True, slots=True)
class BuildsProbe:
    """`repository` is owner/name or a reference to it; `token` a reference (`env:NAME`), empty for a public one."""

    repository: str
    branch: str = "main"
    workflow: str = ""  # its file's name; empty: all of them
    token: str = ""
    api: str = API
    timeout: float = 20.0
    private: bool = False

    async def run(self, world: World) -> Observation:
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self.timeout):
                runs = await self._runs(world)
        except SecretMissing as error:
            return Observation(Verdict.UNKNOWN, f"Not looked at: {error}")
        except Refused as error:
            return Observation(Verdict.UNKNOWN, f"Not looked at: {error}.")
        except TimeoutError:
            return Observation(Verdict.UNKNOWN, f"No list of runs within {self.timeout:g} s.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Observation(Verdict.UNKNOWN, f"No list of runs: {_name(error)}."[:300])
        return self._judge(runs, _since(started))

    async def _runs(self, world: World) -> list[dict[str, Any]]:
        workflow = f"/workflows/{self.workflow}" if self.workflow else ""
        headers = {"Accept": "application/vnd.github+json"}
        if self.token:
            headers["Authorization"] = f"Bearer {world.secret(self.token)}"
        repository = world.secret(self.repository) if ":" in self.repository else self.repository
        async with world.session(private=self.private).get(
            f"{self.api}/repos/{repository}/actions{workflow}/runs",
            params={"branch": self.branch, "status": "completed", "per_page": "20"},
            headers=headers,
            allow_redirects=False,
        ) as reply:
            if reply.status != 200:
                raise ValueError(f"the answer is {reply.status}")
            body = json.loads(await reply.content.read(MAX_ANSWER))
        runs = body.get("workflow_runs") if isinstance(body, dict) else None
        if not isinstance(runs, list) or not all(isinstance(run, dict) for run in runs):
            raise ValueError("the answer has no workflow_runs")
        return runs

    def _judge(self, runs: list[dict[str, Any]], latency: float) -> Observation:
        """Each workflow by its newest run that says anything; one that failed is enough."""
        newest: dict[str, dict[str, Any]] = {}
        for run in runs:
            if run.get("conclusion") not in NOTHING:
                newest.setdefault(str(run.get("name")), run)
        if not newest:
            return Observation(Verdict.UNKNOWN, f"No finished run of {self.branch} is known.", latency)
        last = max(newest.values(), key=lambda run: str(run.get("updated_at")))
        facts = {
            "version": str(last.get("head_sha"))[:7],
            "conclusion": str(last.get("conclusion")),
            "finished_at": str(last.get("updated_at")),
        }
        failed = [run for run in newest.values() if run.get("conclusion") not in GOOD]
        if failed:
            first = failed[0]
            said = f"{first.get('name')} {first.get('conclusion')} at {str(first.get('head_sha'))[:7]}: "
            return down(f"{said}{first.get('html_url')}"[:300], latency, **facts)
        return Observation(Verdict.UP, f"{facts['version']} was built", latency, facts)
