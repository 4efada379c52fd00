"""Who is asking, and what that allows: the result of checking a token or a session."""

from dataclasses import dataclass

from alai.kernel.errors import Forbidden

IMPLIED_BY_ADMIN_NOT = "ceo"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. Empty `teams`, `accounts`, `hosts` mean no limit."""

    actor: str
    scopes: frozenset[str] = frozenset()
    is_session: bool = False
    token_id: int | None = None
    teams: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()

    def has(self, scope: str) -> bool:
        """Whether the scope is granted; `admin` implies every scope but `ceo`."""
        return scope in self.scopes or ("admin" in self.scopes and scope != IMPLIED_BY_ADMIN_NOT)

    @property
    def is_person(self) -> bool:
        """People sign in, or carry the scope `admin`: they may plan around a lease and take it over."""
        return self.is_session or "admin" in self.scopes

    def require(self, *scopes: str) -> None:
        """Raise 403 unless one of the scopes is granted."""
        if not any(self.has(scope) for scope in scopes):
            wanted = " or ".join(scopes)
            raise Forbidden(f"This needs the scope {wanted}.", code="scope_missing", scopes=sorted(scopes))

    def require_team(self, team: str) -> None:
        if self.teams and team not in self.teams:
            raise Forbidden(
                f"This token is limited to the teams {', '.join(self.teams)}.", code="team_not_allowed"
            )

    def covers_host(self, host: str) -> bool:
        return not self.hosts or host in self.hosts

    def require_host(self, host: str) -> None:
        if not self.covers_host(host):
            raise Forbidden(
                f"This token is limited to the hosts {', '.join(self.hosts)}.", code="host_not_allowed"
            )

    def name_for(self, actor: str | None) -> str:
        """The actor that a body names: the caller itself, or with `admin` anybody, on whose behalf it acts."""
        if not actor or actor == self.actor:
            return self.actor
        if not self.has("admin"):
            raise Forbidden(
                f"The token belongs to {self.actor}; it cannot act as {actor}.", code="actor_mismatch"
            )
        return actor
