"""What single words mean to a model version, for the page that shows it."""

from functools import lru_cache

from ml.importances import PolicyImportances, importances
from moderation.learning import registry
from moderation.models import ModelVersion

WORDS_SHOWN = 25


def word_importances(version: ModelVersion) -> tuple[PolicyImportances, ...]:
    """The words that raise and lower each policy's logit most, out of all that are features by themselves.

    Takes some tenths of a second the first time; a version never changes.
    """
    return _of(version.pk, version.sha256)


@lru_cache(maxsize=8)
def _of(pk: int, sha256: str) -> tuple[PolicyImportances, ...]:
    model = registry.load(ModelVersion.objects.get(pk=pk))
    words, _ = model.space.vocabulary.single_words()
    return importances(model, words, top=WORDS_SHOWN)
