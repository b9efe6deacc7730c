"""The administration: administrators alone, every change recorded, records untouchable, secrets shown once."""

import re
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from moderation.enums import AuditKind, ModelStatus
from moderation.learning import registry
from moderation.models import (
    ApiKey,
    AuditEvent,
    Bank,
    BankEntry,
    GoldenItem,
    ModelVersion,
    Policy,
    PolicyVersion,
    ProtectedAccount,
    QualityPlan,
    Queue,
    User,
    WebhookEndpoint,
)
from moderation.services import access, webhook_client
from tests import factories

REGISTERED = sorted(model._meta.model_name or "" for model in django_admin.site._registry)
READ_ONLY = ["auditevent", "bank", "bankentry", "modelversion", "outboxmessage", "routingrule", "webhookendpoint"]


@pytest.fixture
def client_of(client: Client, admin: User) -> Client:
    """An administrator's browser."""
    client.force_login(admin)
    return client


def _page(name: str, verb: str, *args: Any) -> str:
    return reverse(f"admin:moderation_{name}_{verb}", args=args)


def _inline(**fields: Any) -> dict[str, Any]:
    """A policy form's inline of wordings, with one new one if fields are given."""
    prefix = "versions"
    total = {f"{prefix}-TOTAL_FORMS": 1 if fields else 0, f"{prefix}-INITIAL_FORMS": 0}
    return {**total, **{f"{prefix}-0-{name}": value for name, value in fields.items()}}


def _changes() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(kind=AuditKind.ADMIN_CHANGED).order_by("pk"))


def _act(client: Client, name: str, action: str, *rows: Any) -> str:
    """Run a list action; the page that answers."""
    body = {"action": action, "_selected_action": [row.pk for row in rows]}
    return client.post(_page(name, "changelist"), body, follow=True).content.decode()


def test_only_our_own_models_are_managed() -> None:
    assert {model._meta.app_label for model in django_admin.site._registry} == {"moderation"}


@pytest.mark.parametrize("role", ["moderator", "senior", "integrator"])
def test_other_roles_are_denied_everywhere(client: Client, installation: None, role: str) -> None:
    # Django's own marks open nothing either.
    client.force_login(factories.user("other", role=role, is_staff=True, is_superuser=True))
    assert client.get(reverse("admin:index"), follow=True).status_code == 403
    for name in REGISTERED:
        for verb in ("changelist", "add"):
            assert client.get(_page(name, verb), follow=True).status_code == 403
            assert client.post(_page(name, verb), follow=True).status_code == 403


def test_strangers_are_sent_to_the_login(client: Client, installation: None) -> None:
    for address in [reverse("admin:index"), _page("policy", "changelist"), _page("user", "add")]:
        answer = client.get(address, follow=True)
        assert answer.redirect_chain[-1] == (f"{reverse('login')}?next={address}", 302)


def test_an_administrator_who_logged_in_lands_where_they_wanted(client_of: Client) -> None:
    wanted = _page("policy", "changelist")
    answer = client_of.get(reverse("admin:login"), {"next": wanted})
    assert (answer.status_code, answer["Location"]) == (302, wanted)
    away = client_of.get(reverse("admin:login"), {"next": "https://elsewhere.example/"})
    assert away["Location"] == reverse("admin:index")


def test_every_page_opens_under_a_strict_policy_without_inline_script_or_style(
    client_of: Client, admin: User, integrator: User, moderator: User
) -> None:
    decision = factories.decide(factories.claim(factories.case(sent_by=integrator), moderator), moderator)
    access.issue_key(user=admin, name="k", scopes=["read"], acting_user=admin)
    WebhookEndpoint.objects.create(url="https://platform.example/", secret=webhook_client.new_secret())
    bank = Bank.objects.create(slug="b", name="B", kind="text", policy=Policy.objects.all()[0])
    BankEntry.objects.create(bank=bank, value="bad words", digest="0" * 64)
    GoldenItem.objects.create(revision=decision.case.content.current_revision, truth={"spam": False})
    QualityPlan.objects.create(queue=decision.case.queue)
    ProtectedAccount.objects.create(account=decision.case.content.author)
    for model in django_admin.site._registry:
        name = model._meta.model_name or ""
        row = model._default_manager.all()[0]
        for address in [
            _page(name, "changelist"),
            _page(name, "change", row.pk),
            _page(name, "history", row.pk),
            *([] if name in READ_ONLY else [_page(name, "add")]),
        ]:
            page = client_of.get(address)
            assert page.status_code == 200, address
            assert "script-src 'self'" in page["Content-Security-Policy"]
            assert "unsafe" not in page["Content-Security-Policy"]
            html = page.content.decode()
            assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", html), address
            assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html), address


@pytest.mark.parametrize("name", READ_ONLY)
def test_records_can_be_looked_at_and_nothing_else(
    client_of: Client, integrator: User, moderator: User, name: str
) -> None:
    decision = factories.decide(factories.claim(factories.case(sent_by=integrator), moderator), moderator)
    GoldenItem.objects.create(revision=decision.case.content.current_revision, truth={"spam": False})
    bank = Bank.objects.create(slug="b", name="B", kind="text", policy=Policy.objects.all()[0])
    BankEntry.objects.create(bank=bank, value="bad words", digest="0" * 64)
    WebhookEndpoint.objects.create(url="https://platform.example/", secret=webhook_client.new_secret())
    model = next(model for model in django_admin.site._registry if model._meta.model_name == name)
    row = model._default_manager.all()[0]
    assert client_of.get(_page(name, "change", row.pk)).status_code == 200
    assert client_of.post(_page(name, "change", row.pk), {"note": "mine"}).status_code == 403
    assert client_of.post(_page(name, "add"), {}).status_code == 403
    assert client_of.post(_page(name, "delete", row.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("name", ["policy", "queue", "user", "apikey", "bank"])
def test_what_others_refer_to_is_switched_off_never_deleted(client_of: Client, admin: User, name: str) -> None:
    access.issue_key(user=admin, name="k", scopes=["read"], acting_user=admin)
    WebhookEndpoint.objects.create(url="https://platform.example/", secret=webhook_client.new_secret())
    Bank.objects.create(slug="b", name="B", kind="text", policy=Policy.objects.all()[0])
    model = next(model for model in django_admin.site._registry if model._meta.model_name == name)
    row = model._default_manager.all()[0]
    assert client_of.post(_page(name, "delete", row.pk), {"post": "yes"}).status_code == 403


def _policy_form(policy: Policy, **changes: Any) -> dict[str, Any]:
    form = {
        "name": policy.name,
        "severity": policy.severity,
        "position": policy.position,
        "appeal_days": policy.appeal_days,
        "is_active": "on",
    }
    return {**form, **_inline(), **changes}


def test_a_policy_is_edited_and_old_and_new_are_recorded(client_of: Client, admin: User) -> None:
    policy = Policy.objects.get(slug="spam")
    form = _policy_form(policy, threshold="0.42", slug="renamed")
    assert client_of.post(_page("policy", "change", policy.pk), form).status_code == 302
    policy.refresh_from_db()
    assert (policy.threshold, policy.slug) == (0.42, "spam")
    (event,) = _changes()
    assert event.actor == admin
    assert event.data == {
        "model": "policy",
        "pk": str(policy.pk),
        "change": "changed",
        "old": {"threshold": None},
        "new": {"threshold": 0.42},
    }


def test_saving_without_a_change_records_nothing(client_of: Client) -> None:
    policy = Policy.objects.get(slug="spam")
    assert client_of.post(_page("policy", "change", policy.pk), _policy_form(policy)).status_code == 302
    assert _changes() == []


def test_a_threshold_that_is_no_probability_is_refused(client_of: Client) -> None:
    policy = Policy.objects.get(slug="spam")
    page = client_of.post(_page("policy", "change", policy.pk), _policy_form(policy, threshold="7"))
    assert page.status_code == 200
    assert "errorlist" in page.content.decode()
    policy.refresh_from_db()
    assert policy.threshold is None


def test_a_new_wording_gets_the_next_number_and_the_old_ones_stay(client_of: Client) -> None:
    policy = Policy.objects.get(slug="spam")
    before = list(policy.versions.order_by("number").values_list("number", "guidance"))
    wording = _inline(guidance="Other words.", legal_category="")
    assert client_of.post(_page("policy", "change", policy.pk), _policy_form(policy, **wording)).status_code == 302
    after = list(policy.versions.order_by("number").values_list("number", "guidance"))
    assert after == [*before, (len(before) + 1, "Other words.")]
    (event,) = _changes()
    assert event.data["model"] == "policyversion"
    assert event.data["new"] == {"policy_id": policy.pk, "number": len(before) + 1}


def test_a_wording_cannot_be_rewritten(client_of: Client) -> None:
    policy = Policy.objects.get(slug="spam")
    version = policy.versions.first()
    assert version is not None
    forged = {
        "versions-TOTAL_FORMS": 1,
        "versions-INITIAL_FORMS": 1,
        "versions-0-id": version.pk,
        "versions-0-policy": policy.pk,
        "versions-0-guidance": "forged",
    }
    client_of.post(_page("policy", "change", policy.pk), _policy_form(policy, **forged))
    assert PolicyVersion.objects.get(pk=version.pk).guidance == version.guidance


def test_a_policy_and_a_queue_are_added(client_of: Client) -> None:
    form = {
        "slug": "doxxing",
        "name": "Doxxing",
        "severity": 3,
        "position": 9,
        "appeal_days": 30,
        "is_active": "on",
        **_inline(),
    }
    assert client_of.post(_page("policy", "add"), form).status_code == 302
    assert Policy.objects.get(slug="doxxing").is_active
    queue = {"slug": "doxx", "name": "Doxxing", "sla_minutes": 60, "position": 9, "is_active": "on"}
    assert client_of.post(_page("queue", "add"), queue).status_code == 302
    assert Queue.objects.get(slug="doxx").sla_minutes == 60
    assert [event.data["change"] for event in _changes()] == ["added", "added"]


def test_another_sla_orders_the_queue_anew(client_of: Client, integrator: User) -> None:
    case = factories.case(sent_by=integrator)
    due, priority = case.due_at, case.priority
    typed = {
        "name": case.queue.name,
        "sla_minutes": case.queue.sla_minutes * 2,
        "position": 1,
        "description": case.queue.description,
        "is_active": "on",
        "is_default": "on" if case.queue.is_default else "",
        "escalates_to": case.queue.escalates_to_id or "",
    }
    assert client_of.post(_page("queue", "change", case.queue_id), typed).status_code == 302
    case.refresh_from_db()
    assert case.due_at > due
    assert case.priority > priority
    assert case.reviews.get().priority == case.priority


def test_a_second_default_queue_is_refused(client_of: Client) -> None:
    queue = {"slug": "q", "name": "Q", "sla_minutes": 60, "position": 9, "is_active": "on", "is_default": "on"}
    assert client_of.post(_page("queue", "add"), queue).status_code == 200
    assert not Queue.objects.filter(slug="q").exists()


def _person_form(person: User, **changes: Any) -> dict[str, Any]:
    return {"username": person.username, "role": person.role, "is_active": "on", **changes}


def test_a_person_is_made_with_a_role_and_no_name_is_recorded(client_of: Client) -> None:
    form = {
        "username": "newcomer",
        "role": "senior",
        "usable_password": "true",
        "password1": "correct-horse-9",
        "password2": "correct-horse-9",
    }
    assert client_of.post(_page("user", "add"), form).status_code == 302
    person = User.objects.get(username="newcomer")
    assert (person.role, person.is_staff, person.check_password("correct-horse-9")) == ("senior", False, True)
    (event,) = _changes()
    assert event.data["new"]["role"] == "senior"
    assert event.data["new"]["username"] == event.data["new"]["password"] == "(not recorded)"
    assert "newcomer" not in str(event.data)


def test_a_role_is_changed(client_of: Client, moderator: User) -> None:
    form = _person_form(moderator, role="admin")
    assert client_of.post(_page("user", "change", moderator.pk), form).status_code == 302
    moderator.refresh_from_db()
    assert (moderator.role, moderator.is_staff) == ("admin", True)
    (event,) = _changes()
    assert event.data["old"] == {"role": "moderator", "is_staff": False}


def test_a_superuser_cannot_be_made(client_of: Client, moderator: User) -> None:
    form = _person_form(moderator, is_superuser="on", is_staff="on")
    assert client_of.post(_page("user", "change", moderator.pk), form).status_code == 302
    moderator.refresh_from_db()
    assert not moderator.is_superuser
    assert not moderator.is_staff


@pytest.mark.parametrize("change", [{"role": "senior"}, {"is_active": ""}])
def test_the_last_administrator_stays(client_of: Client, admin: User, change: dict[str, str]) -> None:
    page = client_of.post(_page("user", "change", admin.pk), _person_form(admin, **change))
    assert "last active administrator" in page.content.decode()
    admin.refresh_from_db()
    assert (admin.role, admin.is_active) == ("admin", True)


def test_a_password_is_set_and_recorded_without_it(client_of: Client, moderator: User) -> None:
    form = {"usable_password": "true", "password1": "correct-horse-9", "password2": "correct-horse-9"}
    address = reverse("admin:auth_user_password_change", args=[moderator.pk])
    assert client_of.post(address, form).status_code == 302
    moderator.refresh_from_db()
    assert moderator.check_password("correct-horse-9")
    (event,) = _changes()
    assert event.data["new"] == {"password": "(not recorded)"}


def test_a_key_is_shown_once(client_of: Client, admin: User, integrator: User) -> None:
    form = {"user": integrator.pk, "name": "Platform", "scopes": ["ingest", "read"], "rate_per_minute": "600"}
    page = client_of.post(_page("apikey", "add"), form)
    shown = re.search(r'<code id="secret">(\S+)</code>', page.content.decode())
    assert shown is not None
    assert "no-store" in page["Cache-Control"]
    key = access.find_key(shown[1])
    assert key is not None
    assert (key.user, key.scopes, key.rate_per_minute) == (integrator, ["ingest", "read"], 600)
    later = client_of.get(_page("apikey", "change", key.pk)).content.decode()
    assert shown[1] not in later
    assert key.digest not in later
    assert key.prefix in later
    issued = AuditEvent.objects.get(kind=AuditKind.KEY_ISSUED)
    assert issued.actor == admin
    assert all(shown[1] not in str(event.data) for event in AuditEvent.objects.all())


def test_a_key_needs_a_scope(client_of: Client, integrator: User) -> None:
    page = client_of.post(_page("apikey", "add"), {"user": integrator.pk, "name": "Platform"})
    assert page.status_code == 200
    assert not ApiKey.objects.exists()


def test_what_a_key_may_do_never_changes(client_of: Client, admin: User, integrator: User) -> None:
    key, secret = access.issue_key(user=integrator, name="k", scopes=["read"], acting_user=admin)
    form = {"name": "k2", "rate_per_minute": "", "user": admin.pk, "scopes": ["admin"], "digest": "0" * 64}
    assert client_of.post(_page("apikey", "change", key.pk), form).status_code == 302
    key.refresh_from_db()
    assert (key.name, key.user, key.scopes) == ("k2", integrator, ["read"])
    assert access.find_key(secret) == key


def test_keys_are_revoked(client_of: Client, admin: User) -> None:
    key, secret = access.issue_key(user=admin, name="k", scopes=["read"], acting_user=admin)
    assert "Revoked" in _act(client_of, "apikey", "revoke", key)
    assert access.find_key(secret) is None
    assert AuditEvent.objects.get(kind=AuditKind.KEY_REVOKED).actor == admin


def test_a_webhooks_secret_is_not_shown(client_of: Client) -> None:
    endpoint = WebhookEndpoint.objects.create(url="https://platform.example/", secret=webhook_client.new_secret())
    for address in (_page("webhookendpoint", "change", endpoint.pk), _page("webhookendpoint", "changelist")):
        assert endpoint.secret not in client_of.get(address).content.decode()


def test_a_model_is_promoted_and_rolled_back(client_of: Client) -> None:
    starter = ModelVersion.objects.get()
    second = registry.register_starter(acting_user=None)
    assert f"Model {second} is the champion now" in _act(client_of, "modelversion", "promote", second)
    assert "champion already" in _act(client_of, "modelversion", "promote", second)
    assert "Select the present champion" in _act(client_of, "modelversion", "roll_back", starter)
    assert f"Model {starter} is the champion again" in _act(client_of, "modelversion", "roll_back", second)
    starter.refresh_from_db()
    assert starter.status == ModelStatus.CHAMPION
    assert "No earlier champion" in _act(client_of, "modelversion", "roll_back", starter)
    assert "Select the one version" in _act(client_of, "modelversion", "promote", starter, second)


def test_audit_events_are_found_by_case(client_of: Client, integrator: User, moderator: User) -> None:
    case = factories.case(sent_by=integrator)
    factories.claim(case, moderator)
    page = client_of.get(_page("auditevent", "changelist"), {"q": str(case.pk)}).content.decode()
    assert "Review claimed" in page


def test_django_has_no_complaints() -> None:
    call_command("check", fail_level="WARNING")
