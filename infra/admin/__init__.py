from alai.kernel.needs import register
from infra.admin import incidents, records
from infra.admin.needs import open_incidents

__all__ = ["incidents", "records"]

records.register()
register("incidents", open_incidents, weight=95)
