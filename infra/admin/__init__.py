from alai.kernel.needs import register
from infra.admin import incidents, machines, records, routing
from infra.admin.needs import open_incidents, owed_postmortems
from infra.admin.records import SiteAdmin
from infra.admin.slos import ObjectiveAdmin
from infra.models import Objective, Site

__all__ = ["incidents", "machines", "records", "routing"]

records.register({Site: SiteAdmin, Objective: ObjectiveAdmin, **machines.ROOMS, **routing.ROOMS})
register("incidents", open_incidents, weight=95)
register("postmortems", owed_postmortems, weight=40)
