"""What the tables of quality themselves forbid: no change to what is immutable, no way back for what is settled."""

from django.db import migrations

IMMUTABLE = ["auditdraw", "goldencase", "qualityreport", "reviewbar"]

FUNCTIONS = """
-- Of an escalation only the note can be erased, and only once can it be undone.
CREATE FUNCTION evenhand_guard_escalation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR (NEW.note <> OLD.note AND NEW.note <> '')
     OR (OLD.undone_at IS NOT NULL AND NEW.undone_at IS DISTINCT FROM OLD.undone_at)
     OR (NEW.id, NEW.review_id, NEW.escalated_by_id, NEW.from_queue_id, NEW.to_queue_id, NEW.undo_until, NEW.created_at)
        IS DISTINCT FROM
        (OLD.id, OLD.review_id, OLD.escalated_by_id, OLD.from_queue_id, OLD.to_queue_id, OLD.undo_until, OLD.created_at)
  THEN
    RAISE EXCEPTION 'an escalation stays as it was' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

-- A hold that was settled stays so; its note can be erased.
CREATE FUNCTION evenhand_guard_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE'
     OR (NEW.id, NEW.judgement_id, NEW.case_id, NEW.reason, NEW.created_at)
        IS DISTINCT FROM (OLD.id, OLD.judgement_id, OLD.case_id, OLD.reason, OLD.created_at)
     OR (OLD.state <> 'held' AND (
          (NEW.state, NEW.settled_by_id, NEW.settled_at) IS DISTINCT FROM (OLD.state, OLD.settled_by_id, OLD.settled_at)
          OR (NEW.note <> OLD.note AND NEW.note <> '')))
  THEN
    RAISE EXCEPTION 'a hold that was settled stays settled' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER guard_escalation BEFORE UPDATE OR DELETE ON moderation_escalation
  FOR EACH ROW EXECUTE FUNCTION evenhand_guard_escalation();
CREATE TRIGGER guard_hold BEFORE UPDATE OR DELETE ON moderation_hold
  FOR EACH ROW EXECUTE FUNCTION evenhand_guard_hold();
"""

TRIGGERS = "".join(
    f"CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON moderation_{table} "
    "FOR EACH ROW EXECUTE FUNCTION evenhand_forbid_change();\n"
    for table in IMMUTABLE
)

BACKWARD = (
    "".join(f"DROP TRIGGER immutable ON moderation_{table};\n" for table in IMMUTABLE)
    + """
DROP TRIGGER guard_escalation ON moderation_escalation;
DROP TRIGGER guard_hold ON moderation_hold;
DROP FUNCTION evenhand_guard_escalation(), evenhand_guard_hold();
"""
)


class Migration(migrations.Migration):
    dependencies = [("moderation", "0020_quality")]
    operations = [migrations.RunSQL(FUNCTIONS + TRIGGERS, BACKWARD)]
