from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    """A batch may be of cases that were picked one by one: its rows alone say which."""

    dependencies = [("moderation", "0065_search")]
    operations = [
        migrations.RemoveConstraint(model_name="batch", name="batch_says_what_it_is_about"),
        migrations.AlterField(
            model_name="batch",
            name="mode",
            field=models.CharField(
                choices=[
                    ("score", "A range of scores"),
                    ("campaign", "Near-duplicates of one text"),
                    ("account", "Everything open by one account"),
                    ("picked", "Cases picked one by one"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=Q(mode="score", score_from__isnull=False, score_to__gte=F("score_from"))
                | Q(mode="campaign", group__isnull=False)
                | Q(mode="account", account__isnull=False)
                | Q(mode="picked"),
                name="batch_says_what_it_is_about",
            ),
        ),
    ]
