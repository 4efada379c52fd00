"""Who writes to us: partners, and what is remembered of every other sender."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from inbox.models.accounts import Account


class Partner(models.Model):
    """An address or a domain whose mail goes straight to the CEO (handbook, "Allowlist")."""

    address = models.CharField(max_length=320, blank=True, default="", help_text="Exactly this address.")
    domain = models.CharField(
        max_length=253, blank=True, default="", help_text="Every address of this domain and those below it."
    )
    name = models.CharField(max_length=200, blank=True, default="")
    tier = models.PositiveSmallIntegerField(default=1, help_text="1 is the most urgent.")
    reason = models.TextField(blank=True, default="")
    account = models.ForeignKey(
        Account, null=True, blank=True, on_delete=models.CASCADE, help_text="Only there; empty: everywhere."
    )
    created_by = models.CharField(max_length=200, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["tier", "address", "domain"]
        constraints = [
            models.CheckConstraint(
                condition=(Q(address="") & ~Q(domain="")) | (~Q(address="") & Q(domain="")),
                name="partner_is_address_or_domain",
            ),
            models.CheckConstraint(condition=Q(tier__gte=1), name="partner_tier_from_1"),
            models.UniqueConstraint(
                fields=["address", "domain", "account"], name="partner_once", nulls_distinct=False
            ),
        ]
        indexes = [models.Index(fields=["domain"], name="partner_domain")]

    def __str__(self) -> str:
        return self.name or self.matched

    @property
    def matched(self) -> str:
        return self.address or self.domain


class Sender(models.Model):
    """What is remembered of an address: that we wrote to it, what Paperless knows, and what people said of it."""

    address = models.CharField(max_length=320, unique=True)
    sent_count = models.PositiveIntegerField(default=0, help_text="How often we wrote to it.")
    last_sent_at = models.DateTimeField(null=True)
    paperless_name = models.CharField(
        max_length=200, blank=True, default="", help_text="The correspondent's name; empty: none."
    )
    paperless_checked_at = models.DateTimeField(null=True)
    blocked_at = models.DateTimeField(null=True, help_text='"Never again."')
    blocked_by = models.CharField(max_length=200, blank=True, default="")
    released_at = models.DateTimeField(null=True, help_text="Mail of it was released from quarantine.")
    released_by = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering = ["address"]

    def __str__(self) -> str:
        return self.address
