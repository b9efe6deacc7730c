"""What the tables themselves forbid: no change to what is immutable, no way back for what only moves on."""

from django.db import migrations

IMMUTABLE = [
    "action", "auditevent", "auditseal", "decision", "evidence", "gate", "judgement", "label", "policyprediction",
    "policyversion", "prediction", "reviewskip", "trainingset", "trainingsetitem",
]

FUNCTIONS = """
CREATE FUNCTION evenhand_forbid_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is immutable: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- A case's version only grows; its content never changes.
CREATE FUNCTION evenhand_guard_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version < OLD.version OR NEW.content_id <> OLD.content_id THEN
    RAISE EXCEPTION 'a case''s version never goes back and its content never changes'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

-- A judged or cancelled review stays so; a fencing token never goes back.
CREATE FUNCTION evenhand_guard_review() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state IN ('judged', 'cancelled') AND NEW.state <> OLD.state THEN
    RAISE EXCEPTION 'a review that has ended stays ended' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.lease_token < OLD.lease_token OR NEW.case_id <> OLD.case_id THEN
    RAISE EXCEPTION 'a fencing token never goes back and a review never changes its case'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

-- A revision's wording can be erased, never rewritten.
CREATE FUNCTION evenhand_guard_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.text <> OLD.text AND NEW.text <> '') OR NEW.digest <> OLD.digest OR NEW.content_id <> OLD.content_id
     OR NEW.number <> OLD.number OR (OLD.group_id IS NOT NULL AND NEW.group_id IS DISTINCT FROM OLD.group_id) THEN
    RAISE EXCEPTION 'a revision can be erased, never rewritten' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

-- A text group's side of the split is for good.
CREATE FUNCTION evenhand_guard_group() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.split <> OLD.split THEN
    RAISE EXCEPTION 'the split of a text group is for good' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER guard_case BEFORE UPDATE ON moderation_case FOR EACH ROW EXECUTE FUNCTION evenhand_guard_case();
CREATE TRIGGER guard_review BEFORE UPDATE ON moderation_review FOR EACH ROW EXECUTE FUNCTION evenhand_guard_review();
CREATE TRIGGER guard_revision BEFORE UPDATE ON moderation_contentrevision
  FOR EACH ROW EXECUTE FUNCTION evenhand_guard_revision();
CREATE TRIGGER guard_group BEFORE UPDATE ON moderation_textgroup FOR EACH ROW EXECUTE FUNCTION evenhand_guard_group();

-- A judgement names evidence that was frozen for its own review.
ALTER TABLE moderation_judgement ADD CONSTRAINT judgement_evidence_of_its_review
  FOREIGN KEY (evidence_id, review_id) REFERENCES moderation_evidence (id, review_id) DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE moderation_ratewindow SET UNLOGGED;
"""

TRIGGERS = "".join(
    f"CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON moderation_{table} "
    "FOR EACH ROW EXECUTE FUNCTION evenhand_forbid_change();\n"
    for table in IMMUTABLE
)

BACKWARD = (
    "".join(f"DROP TRIGGER immutable ON moderation_{table};\n" for table in IMMUTABLE)
    + """
ALTER TABLE moderation_ratewindow SET LOGGED;
ALTER TABLE moderation_judgement DROP CONSTRAINT judgement_evidence_of_its_review;
DROP TRIGGER guard_case ON moderation_case;
DROP TRIGGER guard_review ON moderation_review;
DROP TRIGGER guard_revision ON moderation_contentrevision;
DROP TRIGGER guard_group ON moderation_textgroup;
DROP FUNCTION evenhand_guard_case(), evenhand_guard_review(), evenhand_guard_revision(), evenhand_guard_group(),
  evenhand_forbid_change();
"""
)


class Migration(migrations.Migration):
    dependencies = [("moderation", "0001_domain")]
    operations = [migrations.RunSQL(FUNCTIONS + TRIGGERS, BACKWARD)]
