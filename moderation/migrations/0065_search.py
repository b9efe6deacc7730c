import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations, models
from django.db.models import F, Func, Value
from django.db.models.functions import Upper

# Thai to Khmer, kana and Han: a sign is a word there.
UNSPACED = "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])"
WORDS = django.contrib.postgres.search.SearchVector(
    Func(
        F("text"),
        Value(UNSPACED),
        Value(r" \1 "),
        Value("g"),
        function="regexp_replace",
        output_field=models.TextField(),
    ),
    config="simple",
)


class Migration(migrations.Migration):
    """What search looks up: words, without any language's stemming, and trigrams for what is spelt otherwise. The
    indexes hang on the texts themselves, so that erasing a text takes it out of search."""

    dependencies = [("moderation", "0044_claims_need_no_queue_index")]
    operations = [
        migrations.AddIndex(
            model_name="contentrevision",
            index=django.contrib.postgres.indexes.GinIndex(WORDS, name="revision_words_idx"),
        ),
        migrations.AddIndex(
            model_name="contentrevision",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(Upper("text"), name="gin_trgm_ops"),
                name="revision_trigrams_idx",
            ),
        ),
        migrations.AddIndex(
            model_name="account",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(Upper("external_id"), name="gin_trgm_ops"),
                name="account_trigrams_idx",
            ),
        ),
        migrations.AddIndex(
            model_name="case", index=models.Index(fields=["policy", "score"], name="case_policy_idx")
        ),
    ]
