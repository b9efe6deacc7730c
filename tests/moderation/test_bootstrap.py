"""``manage.py bootstrap``: the first start, and every one after it."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from moderation import permissions
from moderation.models import ApiKey, Case, Content, ModelVersion, Policy, PolicyVersion, Queue, RoutingRule, User
from moderation.services import access


@pytest.fixture
def home(settings: LazySettings, tmp_path: Path, db: None) -> Path:
    settings.HOME = tmp_path
    settings.MODEL_STORE = tmp_path / "models"
    return tmp_path


def _logins(home: Path) -> dict[str, Any]:
    logins: dict[str, Any] = json.loads((home / "demo.json").read_text())
    return logins


def test_defaults_are_made_once(home: Path) -> None:
    call_command("bootstrap")
    models = (Policy, PolicyVersion, Queue, RoutingRule, ModelVersion)
    counts = [model.objects.count() for model in models]
    assert all(counts)
    call_command("bootstrap")
    assert [model.objects.count() for model in models] == counts
    assert not User.objects.exists()
    assert not (home / "demo.json").exists()


def test_what_an_administrator_removed_does_not_come_back(home: Path) -> None:
    call_command("bootstrap")
    RoutingRule.objects.all().delete()
    Policy.objects.filter(slug="spam").update(is_active=False)
    call_command("bootstrap")
    assert not RoutingRule.objects.exists()
    assert not Policy.objects.get(slug="spam").is_active


def test_logins_work_are_private_and_stay(home: Path) -> None:
    call_command("bootstrap", "--people")
    path = home / "demo.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = _logins(home)
    assert set(first) == {"base_url", "users", "api_key"}
    assert set(first["users"]) == {"moderator", "senior", "admin"}
    for name, login in first["users"].items():
        user = User.objects.get(username=login["username"])
        assert user.check_password(login["password"])
        assert (user.role, user.is_staff, user.is_superuser) == (name, name == "admin", False)
        assert len(login["password"]) >= 12
    key = access.find_key(first["api_key"])
    assert key is not None
    assert key.user.username == "admin"
    call_command("bootstrap", "--people")
    assert _logins(home) == first
    assert ApiKey.objects.count() == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_lost_logins_are_replaced_and_the_old_key_is_worth_nothing(home: Path) -> None:
    call_command("bootstrap", "--people")
    first = _logins(home)
    (home / "demo.json").unlink()
    call_command("bootstrap", "--people")
    second = _logins(home)
    assert first["api_key"] != second["api_key"]
    assert access.find_key(first["api_key"]) is None
    assert User.objects.count() == 3
    assert not User.objects.get(username="admin").check_password(first["users"]["admin"]["password"])


def test_each_installation_has_its_own_secrets(home: Path) -> None:
    call_command("bootstrap", "--people")
    logins = _logins(home)
    secrets = [login["password"] for login in logins["users"].values()] + [logins["api_key"]]
    assert len(set(secrets)) == 4


def test_the_demo_community_comes_once(home: Path) -> None:
    call_command("bootstrap", "--demo")
    counts = Content.objects.count(), Case.objects.count()
    assert counts[0] >= 300
    assert Case.objects.filter(status="open").exists()
    assert Case.objects.filter(status="decided").exists()
    assert not Content.objects.filter(scoring_state="pending").exists()
    call_command("bootstrap", "--demo")
    assert (Content.objects.count(), Case.objects.count()) == counts


def test_createsuperuser_makes_an_administrator(installation: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "a-long-password-of-ours")
    call_command("createsuperuser", interactive=False, username="chief", email="")
    chief = User.objects.get(username="chief")
    assert permissions.may(chief, permissions.Permission.MANAGE)
    assert not chief.is_superuser
