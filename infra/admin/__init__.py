from infra.admin import records

records.register()
