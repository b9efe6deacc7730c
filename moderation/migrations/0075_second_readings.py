import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """What a second reader said of a prediction's text, and which of it stands in the evidence."""

    dependencies = [("moderation", "0085_erasure_audit_kinds")]
    operations = [
        migrations.CreateModel(
            name="SecondReading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "reader",
                    models.CharField(help_text="SHA-256 of the second reader's artifact.", max_length=64),
                ),
                ("failure", models.CharField(blank=True, max_length=80)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "prediction",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="second_readings",
                        to="moderation.prediction",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("prediction", "reader"), name="second_reading_once_a_reader")
                ],
            },
        ),
        migrations.CreateModel(
            name="PolicySecondReading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first_logit", models.FloatField()),
                ("second_logit", models.FloatField()),
                ("stacked_logit", models.FloatField()),
                (
                    "threshold",
                    models.FloatField(help_text="In force when the first reader scored, as a probability."),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="moderation.policy"
                    ),
                ),
                (
                    "reading",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="policies",
                        to="moderation.secondreading",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("reading", "policy"), name="second_reading_policy_once")
                ],
            },
        ),
        migrations.AddField(
            model_name="evidence",
            name="second_reading",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="moderation.secondreading",
            ),
        ),
    ]
