"""Machines and what runs on them. Handbook: "ANVIL SPOF Elimination Plan", "Current State vs Target State"."""

import re
from typing import Annotated, Literal, TypedDict

from django.core.validators import RegexValidator
from django.db import models
from pydantic import Field

from infra.models.records import Record, reference, text
from infra.models.struct import StructField

UNIT = re.compile(r"(docker:)?[A-Za-z0-9][A-Za-z0-9@._-]*")  # no word of it is an option or a path


class Address(TypedDict):
    """A way to reach a host; the first one that answers is taken."""

    via: Literal["loopback", "thunderbolt", "lan", "tailscale", "public"]
    address: Annotated[str, Field(min_length=1, max_length=253)]


class Host(Record):
    """A machine of ours."""

    class Role(models.TextChoices):
        PRIMARY = "primary", "Primary"
        STANDBY = "standby", "Warm standby"
        SERVER = "server", "Server"
        CLIENT = "client", "Client"

    name = models.CharField(max_length=100)
    role = models.CharField(max_length=10, choices=Role)
    hardware = models.CharField(max_length=200, blank=True, default="")
    memory_gb = models.PositiveIntegerField("memory (GB)", null=True, blank=True)
    addresses = StructField(
        shape=list[Address], default=list, blank=True, help_text="In order of preference."
    )
    device = models.CharField(
        max_length=100, blank=True, default="", help_text="Its name in the mesh network."
    )
    beats = models.BooleanField(default=False, help_text="Sends heartbeats; silence is an incident.")
    notes = text()


class Service(Record):
    """A program that others depend on."""

    class Tier(models.IntegerChoices):
        CRITICAL = 1, "Tier 1, critical"
        IMPORTANT = 2, "Tier 2, important"
        STANDARD = 3, "Tier 3, standard"

    name = models.CharField(max_length=100)
    host = reference("infra.Host", related_name="services")
    site = reference("infra.Site", "The address under which people know it.", related_name="services")
    tier = models.PositiveSmallIntegerField(
        "recovery tier", choices=Tier, null=True, blank=True, help_text="Decides its RPO and RTO."
    )
    port = models.PositiveIntegerField(null=True, blank=True)
    path = models.CharField(
        max_length=200,
        blank=True,
        default="",
        help_text="What its host asks for to see it answer, e.g. /health.",
    )
    unit = models.CharField(
        max_length=100,
        blank=True,
        default="",
        validators=[RegexValidator(rf"^{UNIT.pattern}\Z", "A unit's name, or docker:NAME.")],
        help_text="The launchd or systemd unit that runs it, or docker:NAME.",
    )
    restart = models.BooleanField(default=False, help_text="The host's agent restarts it when it is down.")
    depends_on = models.ManyToManyField("self", symmetrical=False, blank=True, related_name="dependants")
    notes = text()


class RecoveryTier(Record):
    """What a recovery tier promises. Handbook: "Disaster Recovery Plan" 2."""

    tier = models.PositiveSmallIntegerField(choices=Service.Tier, unique=True)
    description = text()
    rpo_seconds = models.PositiveIntegerField("RPO (s)", help_text="How much work may be lost; 0: none.")
    rto_seconds = models.PositiveIntegerField("RTO (s)", help_text="How long it may be away.")
    examples = text()
