from django.db import migrations, models


class Migration(migrations.Migration):
    """A window for appeals a policy, the reason an appeal was refused for, and a limit on visits of public pages."""

    dependencies = [("moderation", "0070_evidence_by_person")]
    operations = [
        migrations.AddField(
            model_name="policy",
            name="appeal_days",
            field=models.PositiveSmallIntegerField(
                default=184,
                help_text="Days in which a decision that names this policy can be appealed. 0: not at all.",
            ),
        ),
        migrations.AddField(
            model_name="appeal",
            name="rationale",
            field=models.TextField(blank=True, default="", help_text="Why the decision was upheld.", max_length=2000),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name="VisitWindow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("visitor", models.CharField(max_length=64)),
                ("minute", models.BigIntegerField()),
                ("visits", models.PositiveIntegerField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=["visitor", "minute"], name="visit_window_once")]
            },
        ),
    ]
