"""Deliveries as they are from now on; the log of attempts is immutable."""

from django.db import migrations, models
from django.db.models import F, Q

GUARD = """
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON moderation_deliveryattempt
  FOR EACH ROW EXECUTE FUNCTION evenhand_forbid_change();
"""


class Migration(migrations.Migration):
    dependencies = [("moderation", "0041_fill_deliveries")]
    operations = [
        migrations.RemoveField(model_name="delivery", name="status_code"),
        migrations.RemoveField(model_name="outboxmessage", name="last_error"),
        migrations.RemoveField(model_name="outboxmessage", name="next_attempt_at"),
        migrations.AlterField(model_name="delivery", name="next_attempt_at", field=models.DateTimeField()),
        migrations.AlterField(model_name="delivery", name="expires_at", field=models.DateTimeField()),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=Q(state__in=["pending", "delivered", "cancelled", "dead"]), name="delivery_state_known"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                fields=["endpoint", "next_attempt_at"], condition=Q(state="pending"), name="delivery_due_idx"
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                F("state"), F("id").desc(), condition=~Q(state="delivered"), name="delivery_unsettled_idx"
            ),
        ),
        migrations.RunSQL(GUARD, "DROP TRIGGER immutable ON moderation_deliveryattempt;"),
    ]
