from django.db import migrations, models


class Migration(migrations.Migration):
    """What a person was shown today is found by person and time."""

    dependencies = [("moderation", "0076_guard_second_readings")]
    operations = [
        migrations.AddIndex(
            model_name="evidence",
            index=models.Index(fields=["shown_to", "-created_at"], name="evidence_person_idx"),
        ),
    ]
