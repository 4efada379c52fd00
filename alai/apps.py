from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as BaseAdminConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class RootConfig(AppConfig):
    """The root: wires the apps together once all of them are loaded."""

    name = "alai"
    label = "alai"
    verbose_name = "Mission Control"

    def ready(self) -> None:
        from alai import wiring
        from alai.kernel import audit

        wiring.register()
        connection_created.connect(audit.install_wrapper, dispatch_uid="audit-context")
        post_migrate.connect(wiring.after_migrate, sender=self, dispatch_uid="after-migrate")


class AdminConfig(BaseAdminConfig):
    """Django's admin with a site of ours."""

    default = False
    default_site = "alai.admin_site.AdminSite"
