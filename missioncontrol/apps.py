from django.apps import AppConfig


class MissionControlConfig(AppConfig):
    name = "missioncontrol"
    verbose_name = "Mission control"

    def ready(self) -> None:
        from missioncontrol import wiring

        wiring.register()
