"""Cases that are open get their lane the way new ones do: the worker routes them again."""

from django.db import migrations

FILL = """
UPDATE moderation_content c SET scoring_state = 'pending', scoring_attempts = 0
WHERE scoring_state = 'scored' AND withdrawn_at IS NULL
  AND EXISTS (SELECT 1 FROM moderation_case k WHERE k.content_id = c.id AND k.status = 'open')
"""


class Migration(migrations.Migration):
    dependencies = [("moderation", "0031_queue_engine")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
