from alai.kernel.needs import register
from infra.admin import incidents, records
from infra.admin.needs import open_incidents, owed_postmortems
from infra.admin.records import SiteAdmin
from infra.admin.slos import ObjectiveAdmin
from infra.models import Objective, Site

__all__ = ["incidents", "records"]

records.register({Site: SiteAdmin, Objective: ObjectiveAdmin})
register("incidents", open_incidents, weight=95)
register("postmortems", owed_postmortems, weight=40)
