from django.db import migrations

GUARDS = """
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON moderation_secondreading
  FOR EACH ROW EXECUTE FUNCTION evenhand_forbid_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON moderation_policysecondreading
  FOR EACH ROW EXECUTE FUNCTION evenhand_forbid_change();
"""
UNGUARDED = """
DROP TRIGGER immutable ON moderation_policysecondreading;
DROP TRIGGER immutable ON moderation_secondreading;
"""


class Migration(migrations.Migration):
    """Second readings are records: nobody changes or deletes them."""

    dependencies = [("moderation", "0075_second_readings")]
    operations = [migrations.RunSQL(GUARDS, UNGUARDED)]
