"""Where rules and quality meet."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("moderation", "0013_guard_rules"), ("moderation", "0021_quality_guards")]
    operations = []
