"""The embedded database and broker: made, kept, brought back, and out of others' reach."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg2
import pytest
from psycopg2 import extensions
from redis import Redis

from tests.launcher.conftest import Launched, Launchers, alive, clean_environment, processes_naming, until

pytestmark = pytest.mark.real

SLEEP = ("exec", "--", "sleep", "600")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")


def address(launched: Launched, name: str) -> str:
    environment = launched.running()["environment"]
    assert isinstance(environment, dict)
    return str(environment[name])


def connect(launched: Launched) -> extensions.connection:
    return psycopg2.connect(address(launched, "DATABASE_URL"))


def ask(launched: Launched, statement: str) -> object:
    with connect(launched) as database, database.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
        return row[0] if row else None


def execute(launched: Launched, statement: str) -> None:
    with connect(launched) as database, database.cursor() as cursor:
        cursor.execute(statement)


def answers(launched: Launched) -> bool:
    try:
        return ask(launched, "SELECT 1") == 1
    except (psycopg2.OperationalError, psycopg2.InterfaceError):
        return False


def broker(launched: Launched) -> Redis:
    return Redis(unix_socket_path=address(launched, "CELERY_BROKER_URL").removeprefix("redis+socket://"))


def start(launchers: Launchers, home: Path | None = None) -> Launched:
    launched = launchers.start(*SLEEP, home=home)
    launched.wait_for("postgres", "valkey")
    return launched


def test_a_command_finds_both_services_and_its_exit_code_comes_back(launchers: Launchers) -> None:
    script = (
        "import os, sys, psycopg2, redis\n"
        "with psycopg2.connect(os.environ['DATABASE_URL']).cursor() as cursor:\n"
        "    cursor.execute('SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user')\n"
        "    print(cursor.fetchone())\n"
        "path = os.environ['CELERY_BROKER_URL'].removeprefix('redis+socket://')\n"
        "print(redis.Redis(unix_socket_path=path).config_get('appendonly'))\n"
        "print(len(os.environ['SECRET_KEY']) >= 50)\n"
        "sys.exit(7)\n"
    )
    done = launchers.call("exec", "--", "python", "-c", script)
    assert done.stdout.splitlines() == ["(False, True)", "{'appendonly': 'yes'}", "True"]
    assert done.returncode == 7


def test_the_databases_programs_are_at_hand(launchers: Launchers) -> None:
    with_nothing_running = launchers.call("exec", "--", "sh", "-c", 'psql "$DATABASE_URL" -Atc "SELECT 6 * 7"')
    assert with_nothing_running.stdout.strip() == "42"
    start(launchers)
    joined = launchers.call("exec", "--", "sh", "-c", 'pg_dump --version && pg_dump "$DATABASE_URL"')
    assert joined.returncode == 0
    assert "pg_dump (PostgreSQL) 18" in joined.stdout


def test_a_command_that_does_not_exist_is_named(launchers: Launchers) -> None:
    refused = launchers.call("exec", "--", "no-such-command")
    assert refused.returncode == 1
    assert "There is no command no-such-command." in refused.stdout
    refused = launchers.call("exec", "--")
    assert refused.returncode == 1
    assert "exec needs a command" in refused.stdout


def test_nothing_is_left_behind(launchers: Launchers) -> None:
    launched = start(launchers)
    processes = launched.processes()
    sockets = Path((launched.home / "sockets.location").read_text())
    assert sockets.is_dir()
    launched.interrupt()
    assert not [name for name, process_id in processes.items() if alive(process_id)]
    assert processes_naming(str(launched.home)) == []
    assert not sockets.exists()
    assert not (launched.home / "running.json").exists()


def test_state_is_kept_over_a_restart(launchers: Launchers) -> None:
    first = start(launchers)
    execute(first, "CREATE TABLE kept AS SELECT 41 + 1 AS answer")
    broker(first).set("kept", "yes")
    secret = (first.home / "secret_key").read_text()
    first.interrupt()
    second = start(launchers)
    assert ask(second, "SELECT answer FROM kept") == 42
    assert broker(second).get("kept") == b"yes"
    assert (second.home / "secret_key").read_text() == secret


@pytest.mark.parametrize("program", ["postgres", "valkey"])
def test_a_killed_server_comes_back_with_its_data(launchers: Launchers, program: str) -> None:
    launched = start(launchers)
    execute(launched, "CREATE TABLE kept AS SELECT 1 AS answer")
    broker(launched).set("kept", "yes")
    broker(launched).execute_command("WAITAOF", 1, 0, 2000)
    before = launched.processes()[program]
    os.kill(before, signal.SIGKILL)
    launched.wait_for_another(program, before)
    until(lambda: answers(launched), what="the database answers")
    assert ask(launched, "SELECT answer FROM kept") == 1
    until(lambda: broker_answers(launched), what="the broker answers")
    assert broker(launched).get("kept") == b"yes"
    assert f"{program} was killed by SIGKILL" in launched.said()


def broker_answers(launched: Launched) -> bool:
    try:
        return bool(broker(launched).ping())
    except OSError:
        return False


def test_a_backend_busy_when_its_server_is_killed_does_not_block_the_next(launchers: Launchers) -> None:
    launched = start(launchers)
    before = launched.processes()["postgres"]
    # Computing, so it never looks whether its postmaster is still there.
    busy = "import os, psycopg2; c = psycopg2.connect(os.environ['DATABASE_URL']).cursor(); c.execute({!r})"
    query = "DO $$BEGIN LOOP END LOOP; END$$"
    client = subprocess.Popen(
        [sys.executable, "-c", busy.format(query)],
        env=clean_environment(DATABASE_URL=address(launched, "DATABASE_URL")),
        stderr=subprocess.DEVNULL,
    )
    try:
        count = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'"
        until(lambda: ask(launched, count) == 1, what="the query runs")
        os.kill(before, signal.SIGKILL)
        launched.wait_for_another("postgres", before)
        until(lambda: answers(launched), what="the database answers")
        assert client.wait(10) != 0
    finally:
        client.kill()


def test_a_killed_backend_is_not_the_end_of_the_server(launchers: Launchers) -> None:
    launched = start(launchers)
    before = launched.processes()["postgres"]
    with connect(launched) as database:
        os.kill(database.get_backend_pid(), signal.SIGKILL)
    until(lambda: answers(launched), what="the database answers")
    assert launched.processes()["postgres"] == before


def test_a_stale_pid_file_with_someone_elses_number_does_not_confuse(launchers: Launchers) -> None:
    first = start(launchers)
    cluster = Path(str(ask_as_superuser(first, "SHOW data_directory")))
    first.interrupt()
    # As after a power cut: the file is still there, and its number now belongs to something else.
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        (cluster / "postmaster.pid").write_text(f"{stranger.pid}\n{cluster}\n1700000000\n5432\n/tmp\n\n\nready\n")
        second = start(launchers)
        until(lambda: answers(second), what="the database answers")
        assert second.processes()["postgres"] != stranger.pid
        assert alive(stranger.pid)
    finally:
        stranger.kill()
        stranger.wait()


def ask_as_superuser(launched: Launched, statement: str) -> object:
    url = address(launched, "DATABASE_URL").replace("evenhand@", "postgres@", 1)
    with psycopg2.connect(url) as database, database.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
        return row[0] if row else None


def test_a_killed_launcher_takes_its_servers_along_and_the_next_one_starts(launchers: Launchers) -> None:
    first = start(launchers)
    execute(first, "CREATE TABLE kept AS SELECT 1 AS answer")
    processes = first.processes()
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    # At once, while the servers may still be ending.
    second = launchers.start(*SLEEP)
    until(lambda: bool(set(second.processes().items()) - set(processes.items())), what="the second one is up")
    assert not [name for name, process_id in processes.items() if alive(process_id)]
    assert ask(second, "SELECT answer FROM kept") == 1


def test_a_second_launcher_of_one_home_is_refused(launchers: Launchers) -> None:
    first = start(launchers)
    for words in (("exec", "--own", "--", "true"), ("run",)):
        refused = launchers.call(*words, environment={"PORT": "0"})
        assert refused.returncode == 1
        assert f"The installation in {first.home} is already running" in refused.stdout
    assert answers(first)


def test_a_command_joins_what_already_runs(launchers: Launchers) -> None:
    first = start(launchers)
    joined = launchers.call("exec", "--", "python", "-c", "import os; print(os.environ['DATABASE_URL'])")
    assert (joined.returncode, joined.stdout.strip()) == (0, address(first, "DATABASE_URL"))
    shown = launchers.call("env")
    assert f"export DATABASE_URL={address(first, 'DATABASE_URL')}" in shown.stdout
    assert answers(first)


@pytest.mark.parametrize("name", ["x" * 60 + "/" + "y" * 60 + "/" + "z" * 60, "with a space, 'quotes' and ünïcode"])
def test_any_folder_will_do(launchers: Launchers, name: str) -> None:
    launched = start(launchers, launchers.folder / name / "home")
    assert answers(launched)
    assert broker(launched).ping()


@AS_ROOT
def test_roots_own_folder_will_do(launchers: Launchers) -> None:
    private = launchers.folder / "private"
    private.mkdir(mode=0o700)
    launched = start(launchers, private / "home")
    place = Path((private / "home" / "postgres.location").read_text())
    try:
        assert answers(launched)
        assert ask_as_superuser(launched, "SHOW data_directory") == str(place / "cluster")
        assert place.stat().st_mode & 0o777 == 0o700
        assert private.stat().st_mode & 0o777 == 0o700
        launched.interrupt()
        # A copy of the home must not open the original's database.
        shutil.copytree(private / "home", private / "copy")
        refused = launchers.call("exec", "--", "true", home=private / "copy")
        assert refused.returncode == 1
        assert "looks like a copy of" in refused.stdout
    finally:
        launchers.end()
        shutil.rmtree(place.parent)


@AS_ROOT
def test_the_server_does_not_run_as_root_and_other_users_cannot_connect(launchers: Launchers) -> None:
    launched = start(launchers)
    owner = Path(f"/proc/{launched.processes()['postgres']}").stat().st_uid
    assert owner != 0
    sockets = Path(unquote(urlsplit(address(launched, "DATABASE_URL")).netloc.partition("@")[2]))
    assert sockets.stat().st_mode & 0o777 == 0o700
    # Even with every folder and the socket itself thrown open, the kernel's word about the peer stands.
    for place in (sockets.parent, sockets, sockets / ".s.PGSQL.5432"):
        place.chmod(0o777)
    programs = Path(f"/proc/{launched.processes()['postgres']}/exe").readlink().parent
    stranger = next(entry for entry in pwd.getpwall() if entry.pw_uid not in (0, owner) and entry.pw_uid > 0)
    tried = subprocess.run(
        [str(programs / "psql"), "--no-password", "-h", str(sockets), "-U", "evenhand", "-c", "SELECT 1"],
        user=stranger.pw_uid,
        group=stranger.pw_gid,
        extra_groups=[],
        cwd="/",
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode != 0
    assert "Peer authentication failed" in tried.stderr


def test_secrets_are_the_owners_alone(launchers: Launchers) -> None:
    launched = start(launchers)
    for name in ("secret_key", "running.json", "launcher.lock"):
        assert (launched.home / name).stat().st_mode & 0o077 == 0, name


def test_an_interrupted_first_start_is_begun_again(launchers: Launchers) -> None:
    partial = launchers.folder / "home" / "postgres" / "cluster.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")
    launched = start(launchers)
    assert answers(launched)


def test_the_command_decides_what_ctrl_c_means(launchers: Launchers) -> None:
    script = (
        "import pathlib, sys, time\n"
        "pathlib.Path(sys.argv[1]).touch()\n"
        "try:\n    time.sleep(600)\nexcept KeyboardInterrupt:\n    sys.exit(3)\n"
    )
    launched = launchers.start("exec", "--", "python", "-c", script, str(launchers.folder / "begun"))
    until((launchers.folder / "begun").exists, what="the command runs")
    time.sleep(0.2)
    assert launched.interrupt() == 3


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("DATABASE_URL", "mysql://someone:hidden@host/name", "DATABASE_URL must begin with one of"),
        ("CELERY_BROKER_URL", "filesystem://hidden", "CELERY_BROKER_URL must begin with one of"),
    ],
)
def test_an_address_of_another_kind_is_refused_and_not_repeated(
    launchers: Launchers, name: str, value: str, reason: str
) -> None:
    refused = launchers.call("exec", "--", "true", environment={name: value})
    assert refused.returncode == 1
    assert reason in refused.stdout
    assert "hidden" not in refused.stdout


def test_given_addresses_replace_the_embedded_services(launchers: Launchers) -> None:
    given = {
        "DATABASE_URL": "postgres://someone@127.0.0.1:1/name",
        "CELERY_BROKER_URL": "amqp://127.0.0.1:1//",
    }
    script = "import os; print(os.environ['DATABASE_URL'], os.environ['CELERY_BROKER_URL'])"
    done = launchers.call("exec", "--", "python", "-c", script, environment=given)
    assert done.stdout.split() == list(given.values())
    assert not (launchers.folder / "home" / "postgres").exists()
    assert not (launchers.folder / "home" / "valkey").exists()


def test_a_state_folder_that_cannot_be_written_is_named(launchers: Launchers) -> None:
    (launchers.folder / "file").write_text("")
    refused = launchers.call("exec", "--", "true", home=launchers.folder / "file" / "home")
    assert refused.returncode == 1
    assert f"Cannot write to the state folder {launchers.folder}/file/home" in refused.stdout
