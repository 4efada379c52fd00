from alai.kernel.needs import register
from infra.admin import incidents, machines, records, routing
from infra.admin.needs import open_incidents

__all__ = ["incidents", "machines", "records", "routing"]

records.register(machines.ROOMS | routing.ROOMS)
register("incidents", open_incidents, weight=95)
