"""Functions and sequences the tables of the domain refer to."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION evenhand_transaction() RETURNS bigint LANGUAGE sql VOLATILE AS
$$ SELECT pg_current_xact_id()::text::bigint $$;

-- Fencing tokens of leases: a later lease always has the greater token.
CREATE SEQUENCE evenhand_lease_token;
"""
BACKWARD = "DROP SEQUENCE evenhand_lease_token; DROP FUNCTION evenhand_transaction();"


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
