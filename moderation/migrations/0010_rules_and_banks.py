"""Rules with conditions and states, what they hit, backtests; banks of four kinds with their hits."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("moderation", "0004_guard_monitoring")]

    operations = [
        migrations.AddField("content", "attributes", models.JSONField(default=dict, help_text="The platform's own, for routing rules to ask of.")),
        migrations.AddIndex("content", django.contrib.postgres.indexes.BrinIndex(fields=["received_at"], name="content_received_idx")),
        migrations.AddField("routingrule", "state", models.CharField(choices=[("draft", "Draft"), ("shadow", "Shadow"), ("live", "Live"), ("retired", "Retired")], default="draft", max_length=10)),
        migrations.AddField("routingrule", "version", models.PositiveIntegerField(default=1, help_text="Grows with each change, so that none is overwritten.")),
        migrations.AddField("routingrule", "condition", models.JSONField(default=dict)),
        migrations.AddField("routingrule", "opens_cases", models.BooleanField(default=False, help_text="Also opens a case for what nobody reported and nothing flagged.")),
        migrations.AddField("routingrule", "holds_for_senior", models.BooleanField(default=False, help_text="Only seniors may decide.")),
        migrations.AddField("routingrule", "automates", models.ForeignKey(blank=True, help_text="Decided without a person as a violation of this policy, where its precision is guaranteed.", null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="moderation.policy")),
        migrations.AddField("routingrule", "automatic_actions", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[("remove", "Remove content"), ("restrict", "Restrict reach"), ("warn", "Warn author"), ("suspend", "Suspend author"), ("terminate", "Terminate account")], max_length=20), default=list, size=None)),
        migrations.AddField("routingrule", "audit_rate", models.FloatField(blank=True, help_text="Share of what nobody would see otherwise that this rule shows to people.", null=True)),
        migrations.AddField("routingrule", "replaces", models.ForeignKey(blank=True, help_text="Retired when this goes live.", null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="drafts", to="moderation.routingrule")),
        migrations.AddField("routingrule", "created_by", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
        migrations.AddField("routingrule", "created_at", models.DateTimeField(auto_now_add=True, default=django.utils.timezone.now), preserve_default=False),
        migrations.AddField("routingrule", "state_changed_at", models.DateTimeField(auto_now_add=True, default=django.utils.timezone.now), preserve_default=False),
        migrations.AlterField("routingrule", "position", models.PositiveIntegerField(default=0)),
        migrations.AlterModelOptions("bank", {"ordering": ["name", "pk"]}),
        migrations.RemoveConstraint("bank", "bank_kind_known"),
        migrations.AlterField("bank", "kind", models.CharField(choices=[("text", "Exact text (normalised)"), ("near", "Near-duplicate text"), ("domain", "Link domain"), ("pattern", "Pattern (RE2)")], max_length=10)),
        migrations.AddConstraint("bank", models.CheckConstraint(condition=models.Q(("kind__in", ["text", "near", "domain", "pattern"])), name="bank_kind_known")),
        migrations.RemoveConstraint("bankentry", "bank_entry_once"),
        migrations.RenameField("bankentry", "added_by", "owner"),
        migrations.AlterField("bankentry", "value", models.TextField(max_length=20000)),
        migrations.AddField("bankentry", "digest", models.CharField(default="", max_length=64), preserve_default=False),
        migrations.AddField("bankentry", "form", models.CharField(blank=True, max_length=40, default=""), preserve_default=False),
        migrations.AddField("bankentry", "note", models.CharField(blank=True, max_length=300, default=""), preserve_default=False),
        migrations.AddField("bankentry", "removed_at", models.DateTimeField(help_text="Matches nothing from then on; its hits stay.", null=True)),
    ]
