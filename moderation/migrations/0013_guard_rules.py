"""What a rule has hit was hit by the rule as it stands; hits are immutable; stamps tell of every change."""

from django.db import migrations

IMMUTABLE = ["bankhit", "rulehit"]

FORWARD = """
-- Condition and outcome change in a draft only. A draft goes on to shadow, live or retired and never comes back.
CREATE FUNCTION evenhand_guard_rule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> 'draft' AND (
    NEW.state = 'draft' OR NEW.condition <> OLD.condition OR NEW.queue_id <> OLD.queue_id
    OR NEW.opens_cases <> OLD.opens_cases OR NEW.priority_boost <> OLD.priority_boost
    OR NEW.holds_for_senior <> OLD.holds_for_senior OR NEW.automates_id IS DISTINCT FROM OLD.automates_id
    OR NEW.automatic_actions <> OLD.automatic_actions OR NEW.audit_rate IS DISTINCT FROM OLD.audit_rate
  ) THEN
    RAISE EXCEPTION 'a rule that has left its draft stays as it is' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF OLD.state = 'retired' AND NEW.state <> 'retired' THEN
    RAISE EXCEPTION 'a retired rule stays retired' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_rule BEFORE UPDATE ON moderation_routingrule
  FOR EACH ROW EXECUTE FUNCTION evenhand_guard_rule();

-- What an entry has matched was matched by the entry as it stands; only how a text is written down may be made anew.
CREATE FUNCTION evenhand_guard_bank_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.bank_id <> OLD.bank_id OR (NEW.value <> OLD.value AND NEW.value <> '')
     OR (OLD.removed_at IS NOT NULL AND NEW.removed_at IS NULL) THEN
    RAISE EXCEPTION 'a bank entry is replaced, never rewritten' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER guard_bank_entry BEFORE UPDATE ON moderation_bankentry
  FOR EACH ROW EXECUTE FUNCTION evenhand_guard_bank_entry();

INSERT INTO moderation_changestamp (name, value) VALUES ('rules', gen_random_uuid()), ('banks', gen_random_uuid());
CREATE FUNCTION evenhand_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO moderation_changestamp (name, value) VALUES (TG_ARGV[0], gen_random_uuid())
    ON CONFLICT (name) DO UPDATE SET value = excluded.value;
  RETURN NULL;
END $$;
"""

# What is compiled from rules names queues and policies too.
STAMPED = {"rules": ["routingrule", "queue", "policy"], "banks": ["bank", "bankentry", "policy"]}
STAMPS = "".join(
    f"CREATE TRIGGER stamp_{name} AFTER INSERT OR UPDATE OR DELETE ON moderation_{table} "
    f"FOR EACH STATEMENT EXECUTE FUNCTION evenhand_stamp('{name}');\n"
    for name, tables in STAMPED.items()
    for table in tables
)
GUARDS = "".join(
    f"CREATE TRIGGER immutable BEFORE UPDATE OR DELETE ON moderation_{table} "
    "FOR EACH ROW EXECUTE FUNCTION evenhand_forbid_change();\n"
    for table in IMMUTABLE
)
BACKWARD = (
    "".join(f"DROP TRIGGER immutable ON moderation_{table};\n" for table in IMMUTABLE)
    + "".join(
        f"DROP TRIGGER stamp_{name} ON moderation_{table};\n" for name, tables in STAMPED.items() for table in tables
    )
    + """
DROP TRIGGER guard_rule ON moderation_routingrule;
DROP TRIGGER guard_bank_entry ON moderation_bankentry;
DROP FUNCTION evenhand_guard_rule(), evenhand_guard_bank_entry(), evenhand_stamp();
DELETE FROM moderation_changestamp;
"""
)


class Migration(migrations.Migration):
    dependencies = [("moderation", "0012_rules_settled")]
    operations = [migrations.RunSQL(FORWARD + STAMPS + GUARDS, BACKWARD)]
