"""What appellants write, and how seniors answer it."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from console.web.forms import RATIONALE_LENGTH, OpinionForm
from moderation.enums import Verdict
from moderation.services.decisions import Opinion

UPHOLD = "uphold"


class AppealForm(forms.Form):
    """Why the decision is contested, in the appellant's words."""

    statement = forms.CharField(
        max_length=RATIONALE_LENGTH,
        strip=True,
        error_messages={"required": _("Say in a few words why the decision is wrong.")},
    )


class ResolutionForm(OpinionForm):
    """Uphold, or overturn with another verdict or other policies; always with a reason."""

    verdict = forms.ChoiceField(
        choices=[
            (UPHOLD, _("Uphold: the decision stands")),
            (Verdict.OK, _("Overturn: no violation")),
            (Verdict.VIOLATES, _("Change: it violates other policies, or other actions fit")),
        ],
    )
    rationale = forms.CharField(
        max_length=RATIONALE_LENGTH, strip=True, error_messages={"required": _("Say why: the reason is kept.")}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["verdict"].error_messages["required"] = _("Choose what becomes of the decision.")

    def new_opinion(self) -> Opinion | None:
        """What replaces the decision; ``None`` if it stands. Call on a valid form."""
        return None if self.cleaned_data["verdict"] == UPHOLD else self.opinion()
