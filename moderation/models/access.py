"""People, API keys and idempotency: who acts, with what, and whether they asked before."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from moderation.enums import Role, Scope


class People(UserManager["User"]):
    """Makes users; what Django calls a superuser is an administrator here."""

    use_in_migrations = False

    def create_superuser(
        self, username: str, email: str | None = None, password: str | None = None, **fields: Any
    ) -> "User":
        """An administrator, as ``manage.py createsuperuser`` asks for."""
        fields = {"role": Role.ADMIN, "is_superuser": False, **fields}
        return self.create_user(username, email, password, is_staff=True, **fields)


class User(AbstractUser):
    """A person who works in the console, or the account an integration acts as."""

    role = models.CharField(max_length=16, choices=Role.choices, default=Role.MODERATOR)
    languages = ArrayField(
        models.CharField(max_length=8),
        default=list,
        blank=True,
        help_text="Languages they review, as “en, de”; empty: all. What names no language goes to anyone.",
    )
    policies = ArrayField(
        models.SlugField(max_length=40),
        default=list,
        blank=True,
        help_text="Policies they review, by slug; empty: all. What no policy leads goes to anyone.",
    )

    objects: ClassVar[People] = People()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="user_role_known"),
        ]


class ApiKey(models.Model):
    """A bearer key; only its SHA-256 digest is stored (the key itself has 256 random bits)."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, help_text="The first characters, to tell keys apart.")
    digest = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=16, choices=Scope.choices))
    rate_per_minute = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class IdempotencyRecord(models.Model):
    """The first answer given under an idempotency key: digests and references, never a text."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, null=True, related_name="+")
    key_digest = models.CharField(max_length=64)
    request_digest = models.CharField(max_length=64)
    answer = models.JSONField(null=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(F("user"), F("key_digest"), name="idempotency_one_answer_per_key"),
        ]

    def __str__(self) -> str:
        return f"answer {self.pk}"


class RateWindow(models.Model):
    """Calls of an API key in one minute; unlogged, since losing it costs nothing."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="+")
    minute = models.BigIntegerField()
    calls = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["api_key", "minute"], name="rate_window_once")]

    def __str__(self) -> str:
        return f"{self.api_key_id}@{self.minute}: {self.calls}"


class VisitWindow(models.Model):
    """Visits of public pages from one address in one minute; the address only as a keyed digest."""

    visitor = models.CharField(max_length=64)
    minute = models.BigIntegerField()
    visits = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["visitor", "minute"], name="visit_window_once")]

    def __str__(self) -> str:
        return f"{self.visitor[:8]}@{self.minute}: {self.visits}"
