"""A delivery for each message and endpoint, a log of attempts, a breaker and a concurrency for each endpoint."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q

OUTBOX_STATES = [
    ("pending", "Pending"), ("delivered", "Delivered"), ("cancelled", "Cancelled"), ("dead", "Dead letter"),
    ("unaddressed", "Nobody to tell"),
]
DELIVERY_STATES = OUTBOX_STATES[:4]


class Migration(migrations.Migration):
    dependencies = [("moderation", "0033_guard_batches")]
    operations = [
        migrations.RemoveConstraint(model_name="outboxmessage", name="outbox_state_known"),
        migrations.RemoveIndex(model_name="outboxmessage", name="outbox_due_idx"),
        migrations.AlterField(
            model_name="outboxmessage",
            name="state",
            field=models.CharField(choices=OUTBOX_STATES, default="pending", max_length=12),
        ),
        migrations.AddConstraint(
            model_name="outboxmessage",
            constraint=models.CheckConstraint(
                condition=Q(state__in=[state for state, _ in OUTBOX_STATES]), name="outbox_state_known"
            ),
        ),
        migrations.AlterField(
            model_name="outboxmessage",
            name="attempts",
            field=models.PositiveIntegerField(default=0, help_text="Over all endpoints."),
        ),
        migrations.AddField(
            model_name="outboxmessage", name="addressed_at", field=models.DateTimeField(null=True)
        ),
        migrations.AddIndex(
            model_name="outboxmessage",
            index=models.Index(
                fields=["not_before"],
                condition=Q(state="pending", addressed_at__isnull=True),
                name="outbox_unaddressed_idx",
            ),
        ),
        migrations.AddField(
            model_name="webhookendpoint",
            name="previous_secret",
            field=models.CharField(blank=True, default="", max_length=100),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="webhookendpoint", name="previous_secret_until", field=models.DateTimeField(null=True)
        ),
        migrations.AddField(
            model_name="webhookendpoint",
            name="concurrency",
            field=models.PositiveSmallIntegerField(default=4, help_text="So many deliveries at a time at most."),
        ),
        migrations.AddField(
            model_name="webhookendpoint", name="failures", field=models.PositiveIntegerField(default=0)
        ),
        migrations.AddField(model_name="webhookendpoint", name="open_until", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="webhookendpoint",
            name="gone_at",
            field=models.DateTimeField(help_text="When it answered 410 Gone and was switched off.", null=True),
        ),
        migrations.AddConstraint(
            model_name="webhookendpoint",
            constraint=models.CheckConstraint(
                condition=Q(concurrency__gte=1, concurrency__lte=32), name="webhook_concurrency_sane"
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="message",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="moderation.outboxmessage"
            ),
        ),
        migrations.AlterField(
            model_name="delivery",
            name="endpoint",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="deliveries", to="moderation.webhookendpoint"
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="state",
            field=models.CharField(choices=DELIVERY_STATES, default="pending", max_length=10),
        ),
        migrations.AddField(model_name="delivery", name="attempts", field=models.PositiveIntegerField(default=0)),
        migrations.AddField(model_name="delivery", name="failed", field=models.PositiveIntegerField(default=0)),
        migrations.AddField(model_name="delivery", name="next_attempt_at", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="delivery", name="lane", field=models.PositiveSmallIntegerField(null=True)),
        migrations.AddField(model_name="delivery", name="claimed_until", field=models.DateTimeField(null=True)),
        migrations.AddField(model_name="delivery", name="expires_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="delivery",
            name="last_error",
            field=models.CharField(blank=True, default="", max_length=300),
            preserve_default=False,
        ),
        migrations.AddField(model_name="delivery", name="settled_at", field=models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="DeliveryAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(default=1)),
                ("status_code", models.PositiveSmallIntegerField(null=True)),
                ("error", models.CharField(blank=True, max_length=300)),
                ("milliseconds", models.PositiveIntegerField()),
                ("started_at", models.DateTimeField()),
                (
                    "delivery",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tries",
                        to="moderation.delivery",
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tries",
                        to="moderation.webhookendpoint",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["delivery", "number"], name="delivery_attempt_once")
                ],
                "indexes": [models.Index(F("endpoint"), F("id").desc(), name="attempt_endpoint_idx")],
            },
        ),
    ]
