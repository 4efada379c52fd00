from django.apps import AppConfig


class KernelConfig(AppConfig):
    name = "alai.kernel"
    label = "kernel"
    verbose_name = "System"

    def ready(self) -> None:
        from alai.kernel import wiring

        wiring.register()
