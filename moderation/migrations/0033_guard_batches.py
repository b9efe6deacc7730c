"""What a batch decided, and on which cases, never changes; only how far it is, and its erasable words."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION evenhand_guard_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.mode, NEW.verdict, NEW.policies, NEW.actions, NEW.made_by_id, NEW.follows, NEW.policy, NEW.created_at)
       IS DISTINCT FROM
     (OLD.mode, OLD.verdict, OLD.policies, OLD.actions, OLD.made_by_id, OLD.follows, OLD.policy, OLD.created_at)
     OR (NEW.queue_id, NEW.group_id, NEW.account_id, NEW.score_from, NEW.score_to) IS DISTINCT FROM
        (OLD.queue_id, OLD.group_id, OLD.account_id, OLD.score_from, OLD.score_to)
     OR (NEW.rationale <> OLD.rationale AND NEW.rationale <> '') OR (OLD.state = 'undone' AND NEW.state <> 'undone') THEN
    RAISE EXCEPTION 'what a batch decided never changes' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE FUNCTION evenhand_guard_batch_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.batch_id, NEW.case_id, NEW.case_version) IS DISTINCT FROM (OLD.batch_id, OLD.case_id, OLD.case_version)
     OR (OLD.decision_id IS NOT NULL AND NEW.decision_id IS DISTINCT FROM OLD.decision_id)
     OR (OLD.state IN ('left_out', 'undone', 'kept') AND NEW.state <> OLD.state) THEN
    RAISE EXCEPTION 'a batch keeps its cases and what became of them' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER guard_batch BEFORE UPDATE ON moderation_batch FOR EACH ROW EXECUTE FUNCTION evenhand_guard_batch();
CREATE TRIGGER guard_batch_case BEFORE UPDATE ON moderation_batchcase
  FOR EACH ROW EXECUTE FUNCTION evenhand_guard_batch_case();
CREATE TRIGGER kept_batch BEFORE DELETE ON moderation_batch FOR EACH ROW EXECUTE FUNCTION evenhand_forbid_change();
CREATE TRIGGER kept_batch_case BEFORE DELETE ON moderation_batchcase
  FOR EACH ROW EXECUTE FUNCTION evenhand_forbid_change();
ALTER TABLE moderation_lanecount SET UNLOGGED;
ALTER TABLE moderation_lanecensus SET UNLOGGED;
"""
BACKWARD = """
ALTER TABLE moderation_lanecensus SET LOGGED;
ALTER TABLE moderation_lanecount SET LOGGED;
DROP TRIGGER kept_batch_case ON moderation_batchcase;
DROP TRIGGER kept_batch ON moderation_batch;
DROP TRIGGER guard_batch_case ON moderation_batchcase;
DROP TRIGGER guard_batch ON moderation_batch;
DROP FUNCTION evenhand_guard_batch_case(), evenhand_guard_batch();
"""


class Migration(migrations.Migration):
    dependencies = [("moderation", "0032_fill_lanes")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
