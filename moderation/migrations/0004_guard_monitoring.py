"""Drift checks and automation thresholds are immutable, as what they rest on is."""

from django.db import migrations

IMMUTABLE = ["automationthreshold", "driftcheck"]

FORWARD = "".join(
    f"CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON moderation_{table} "
    "FOR EACH ROW EXECUTE FUNCTION evenhand_forbid_change();\n"
    for table in IMMUTABLE
)
BACKWARD = "".join(f"DROP TRIGGER immutable ON moderation_{table};\n" for table in IMMUTABLE)


class Migration(migrations.Migration):
    dependencies = [("moderation", "0003_shadow_drift_guarantee")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
