"""Coming and going."""

from django.contrib import messages
from django.contrib.auth import logout as end_session
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from console.web.access import public_page
from console.web.forms import LoginForm
from moderation.models import User
from moderation.services import claims

login = public_page(
    LoginView.as_view(
        template_name="console/login.html", authentication_form=LoginForm, redirect_authenticated_user=True
    )
)


@public_page
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session; every lease goes back, so that nobody waits for it to run out."""
    if isinstance(request.user, User):
        released = claims.release_all(acting_user=request.user)
        end_session(request)
        if released:
            messages.info(request, "You are logged out; the cases you held are back in their queues.")
    return redirect("login")
