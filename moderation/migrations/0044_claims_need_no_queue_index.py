import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """A claim takes its order from the partial indexes: an index on the queue alone leads the planner astray."""

    dependencies = [("moderation", "0043_audit_kinds")]
    operations = [
        migrations.AlterField(
            model_name="review",
            name="queue",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="moderation.queue",
            ),
        ),
    ]
