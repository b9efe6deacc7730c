"""What was acknowledged or given up before there were deliveries becomes one; what nobody heard says so.

Messages that are still on their way are addressed anew when their turn comes.
"""

from django.db import migrations

FORWARD = """
UPDATE moderation_delivery SET state = 'delivered', attempts = 1, next_attempt_at = created_at,
  expires_at = created_at + interval '3 days', settled_at = created_at;

INSERT INTO moderation_delivery (message_id, endpoint_id, status_code, state, attempts, failed, next_attempt_at,
  expires_at, last_error, settled_at, created_at)
SELECT m.id, e.id, 0, 'dead', m.attempts, m.attempts, now(), now(), m.last_error, m.settled_at, m.created_at
FROM moderation_outboxmessage m CROSS JOIN moderation_webhookendpoint e
WHERE m.state = 'dead' AND e.is_active ON CONFLICT DO NOTHING;

UPDATE moderation_outboxmessage SET addressed_at = coalesce(settled_at, created_at)
WHERE state IN ('delivered', 'dead');

UPDATE moderation_outboxmessage m SET state = 'unaddressed'
WHERE m.state IN ('delivered', 'dead') AND NOT EXISTS (SELECT 1 FROM moderation_delivery d WHERE d.message_id = m.id);
"""

BACKWARD = """
UPDATE moderation_outboxmessage SET state = 'delivered' WHERE state = 'unaddressed';
DELETE FROM moderation_delivery WHERE state <> 'delivered';
"""


class Migration(migrations.Migration):
    dependencies = [("moderation", "0040_deliveries")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
