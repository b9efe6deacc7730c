"""What the first rules asked in columns, as conditions; the digests that bank entries are found by."""

import hashlib

from django.db import migrations


def _condition(rule):
    parts = []
    if rule.minimum_reports:
        parts.append({"fact": "reports", "is": "at_least", "value": rule.minimum_reports})
    if rule.source:
        parts.append({"fact": "report_sources", "is": "any_of", "value": [rule.source]})
    if rule.policy is not None and rule.minimum_score is not None:
        parts.append({"fact": "score", "of": rule.policy.slug, "is": "at_least", "value": rule.minimum_score})
    elif rule.policy is not None:
        facts = ("flagged", "report_reasons", "bank_policies")
        parts.append({"any": [{"fact": fact, "is": "any_of", "value": [rule.policy.slug]} for fact in facts]})
    return {"all": parts}


def forward(apps, schema_editor):
    for rule in apps.get_model("moderation", "RoutingRule").objects.select_related("policy"):
        rule.condition = _condition(rule)
        rule.state = "live" if rule.is_active else "draft"
        rule.save(update_fields=["condition", "state"])
    # A text's own form is made anew by `manage.py bootstrap`, which knows the normaliser.
    for entry in apps.get_model("moderation", "BankEntry").objects.select_related("bank"):
        entry.digest = hashlib.sha256(f"{entry.bank.kind}:{entry.value}".encode()).hexdigest()
        entry.save(update_fields=["digest"])


class Migration(migrations.Migration):
    dependencies = [("moderation", "0010_rules_and_banks")]
    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
