"""Programs with real health endpoints, and a supervisord that only notes what it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from router.healed import Healed, lately
from router.secret import Secret
from router.server.parent import MARGIN
from router.settings.aistudio_blocks import SignInWindow
from router.settings.server import Timeouts
from router.settings.webai_blocks import WebAITimeouts
from services.healthwatch.judge import SPARED, Action
from services.healthwatch.memory import Memory
from services.healthwatch.settings import CLOSES, Plan, Rules, Watched, plan
from services.healthwatch.supervisor import Running
from services.healthwatch.watch import LATE, Watch
from services.link.names import host_name
from services.link.settings import SettingsMistake

QUICK = Rules(every=30, again=5, failures=2, grace=0)
LOOKS_OF_A_SIGN_IN = QUICK.failures * SPARED


class Supervisord:
    def __init__(self, *names: str) -> None:
        self.states = dict.fromkeys(names, "RUNNING")
        self.acted: list[tuple[str, str, int]] = []
        self.lost = False
        self.ends_told: list[tuple[str, float, str]] = []
        self.pid, self.up = 4242, 1000.0
        self.ends = threading.Event()  # what is to be started anew has ended
        self.ends.set()

    def running(self) -> list[Running]:
        if self.lost:
            raise ConnectionRefusedError
        return [Running(name, state, self.pid, self.up, "") for name, state in self.states.items()]

    def ended(self) -> list[tuple[str, float, str]]:
        return self.ends_told

    def act(self, action: Action, pid: int) -> None:
        self.acted.append((action.kind, action.name, pid))
        self.ends.wait(30)


class Program:
    """Answers as it is told: status of /healthz (None: never), status and causes of /readyz."""

    def __init__(self) -> None:
        self.health: int | None = 200
        self.sessions: tuple[int, Any] = (404, None)
        self.keys: set[str | None] = set()
        self.ready: tuple[int, list[dict[str, Any]]] = (200, [])

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/healthz":
            return web.Response(status=self.health or 500)
        if request.path == "/v0/management/relay":
            self.keys.add(request.headers.get("authorization"))
            return web.json_response(self.sessions[1], status=self.sessions[0])
        return web.json_response({"ready": self.ready[0] == 200, "causes": self.ready[1]}, status=self.ready[0])


@asynccontextmanager
async def serving(program: Program) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{path:.*}", program.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class Time:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def watching(
    folder: Path, *programs: Watched, free: int = 10**12, patience: float = 30.0, key: Secret | None = None
) -> AsyncIterator[tuple[Watch, Any, Supervisord]]:
    """The watch, how to let it look once after so many seconds, and the supervisord."""
    made = Plan(rules=QUICK, programs=programs, state=folder, logs=folder, socket="", key=key)
    supervisord, time = Supervisord(*(each.name for each in programs)), Time()
    memory = Memory(folder / "healthwatch.json", wall=time, now=time)
    watch = Watch(lambda: made, supervisord, now=time, free=lambda _: free, patience=patience, wall=time, memory=memory)
    async with aiohttp.ClientSession() as session:

        async def after(seconds: float) -> None:
            time.now += seconds
            await watch.round(session)

        try:
            yield watch, after, supervisord
        finally:
            supervisord.ends.set()
            await watch.close()


async def test_a_program_that_works_is_looked_at_now_and_then_and_left_alone(tmp_path: Path) -> None:
    async with serving(Program()) as address, watching(tmp_path, Watched("p", address)) as (watch, after, supervisord):
        for _ in range(5):
            await after(31)
        assert supervisord.acted == [] and watch.causes() == []
        assert 'switchyard_healthwatch_up{program="p"} 1' in watch.metrics()


@pytest.mark.parametrize("health", [500, None])
async def test_one_that_does_not_answer_is_killed_after_two_looks(tmp_path: Path, health: int | None) -> None:
    program = Program()
    program.health = health
    async with serving(program) as address, watching(tmp_path, Watched("p", address)) as (watch, after, supervisord):
        await after(1)
        assert supervisord.acted == []
        assert [each.text for each in watch.causes()] == ["p: does not answer"]
        await after(5)
        assert supervisord.acted == [("kill", "p", 4242)]
        assert 'switchyard_healthwatch_actions_total{program="p",action="kill"} 1' in watch.metrics()


async def test_one_that_is_gone_is_killed_too_and_one_that_is_only_not_ready_is_not(tmp_path: Path) -> None:
    program = Program()
    program.ready = (503, [{"cause": "no_browser", "text": "There is no browser.", "restart_helps": False}])
    gone = Watched("gone", "http://127.0.0.1:9")
    async with serving(program) as address, watching(tmp_path, Watched("p", address), gone) as (_, after, supervisord):
        for _ in range(4):
            await after(6)
        assert [(kind, name) for kind, name, _ in supervisord.acted] == [("kill", "gone")] * len(supervisord.acted)
        assert supervisord.acted


async def test_one_that_says_that_a_restart_helps_is_restarted_unless_somebody_signs_in(tmp_path: Path) -> None:
    program = Program()
    stuck = {"cause": "stuck", "text": "3 requests wait.", "restart_helps": True}
    program.ready = (503, [stuck, {"cause": "sign_in", "text": "A person is signing in."}])
    async with serving(program) as address, watching(tmp_path, Watched("p", address)) as (_, after, supervisord):
        for _ in range(5):
            await after(6)
        assert supervisord.acted == []
        program.ready = (503, [stuck])
        await after(6)
        await after(6)
        assert supervisord.acted == [("restart", "p", 4242)]


async def test_one_that_stalls_while_somebody_signs_in_is_not_killed_at_once(tmp_path: Path) -> None:
    program = Program()
    program.ready = (200, [{"cause": "sign_in", "text": "A person is signing in."}])
    async with AsyncExitStack() as stack:
        watched = Watched("p", await stack.enter_async_context(serving(program)), signs_in=600.0)
        _, after, supervisord = await stack.enter_async_context(watching(tmp_path, watched))
        await after(31)
        program.health = 500
        for _ in range(LOOKS_OF_A_SIGN_IN - 1):
            await after(31)
            assert supervisord.acted == []
        await after(31)
        assert supervisord.acted == [("kill", "p", 4242)]


async def test_one_that_has_closed_its_listener_gets_its_time_to_drain(tmp_path: Path) -> None:
    async with serving(Program()) as address:
        pass
    async with watching(tmp_path, Watched("p", address, drains=50.0)) as (_, after, supervisord):
        for _ in range(8):
            await after(6)
            assert supervisord.acted == []
        await after(6)
        await after(6)
        assert supervisord.acted == [("kill", "p", 4242)]


async def test_one_that_ends_slowly_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    slow, other = Program(), Program()
    slow.ready = (503, [{"cause": "stuck", "text": "It is stuck.", "restart_helps": True}])
    async with serving(slow) as first, serving(other) as second:
        programs = Watched("slow", first), Watched("other", second)
        async with watching(tmp_path, *programs, patience=1.0) as (watch, after, supervisord):
            supervisord.ends.clear()
            await after(6)
            await after(6)
            assert supervisord.acted == [("restart", "slow", 4242)]
            other.health = 500
            for _ in range(3):
                await after(31)
            assert supervisord.acted == [("restart", "slow", 4242), ("kill", "other", 4242)]
            assert 'switchyard_healthwatch_up{program="other"} 0' in watch.metrics()


async def test_one_of_the_operators_own_is_known_by_its_readyz_alone(tmp_path: Path) -> None:
    own = Watched("own", healthz=False, readyz="http://127.0.0.1:9/readyz")
    async with watching(tmp_path, own, Watched("silent", healthz=False)) as (_, after, supervisord):
        for _ in range(2):
            await after(6)
        assert supervisord.acted == [("restart", "own", 4242)]


async def test_one_that_supervisord_has_given_up_is_started(tmp_path: Path) -> None:
    async with watching(tmp_path, Watched("p", "http://127.0.0.1:9")) as (watch, after, supervisord):
        supervisord.states["p"] = "FATAL"
        await after(1)
        assert supervisord.acted == [("start", "p", 4242)]
        assert watch.causes()[0].text == "p: fatal"


async def test_a_supervisord_that_does_not_answer_is_said(tmp_path: Path) -> None:
    async with watching(tmp_path, Watched("p")) as (watch, after, supervisord):
        supervisord.lost = True
        await after(1)
        assert [(each.cause, each.blocking) for each in watch.causes()] == [("supervisord", True)]
        supervisord.lost = False
        await after(1)
        assert watch.causes() == []


async def test_rounds_that_do_not_end_are_said(tmp_path: Path) -> None:
    async with watching(tmp_path, Watched("p")) as (watch, after, supervisord):
        await after(1)
        watch._now.now += LATE + 1  # type: ignore[attr-defined]
        assert [(each.cause, each.blocking) for each in watch.causes()] == [("rounds", True)]
        assert "switchyard_healthwatch_round_age_seconds 31.000" in watch.metrics()
        supervisord.lost = True  # a round that says so is over, too
        await after(1)
        assert [each.cause for each in watch.causes()] == ["supervisord"]


async def test_a_crash_loop_is_said(tmp_path: Path) -> None:
    async with serving(Program()) as address, watching(tmp_path, Watched("p", address)) as (watch, after, supervisord):
        supervisord.up = 0.0
        for _ in range(4):
            supervisord.pid += 1
            await after(10)
        (cause,) = watch.causes()
        assert (cause.cause, cause.blocking) == ("crash_loop", False)
        assert cause.text == "p: crash loop: 4 starts in 30 s; last lines: see logs/p.log"
        assert 'switchyard_healthwatch_starts{program="p"} 4' in watch.metrics()
        assert supervisord.acted == []


async def test_a_start_that_is_tried_again_is_said(tmp_path: Path) -> None:
    async with watching(tmp_path, Watched("p")) as (watch, after, supervisord):
        supervisord.states["p"] = "BACKOFF"
        await after(1)
        assert [each.text for each in watch.causes()] == ["p: backoff"]
        assert supervisord.acted == []


STUCK = [{"cause": "stuck", "text": "It is stuck.", "restart_helps": True}]


@pytest.mark.parametrize("killed", [True, False])
async def test_what_was_stopped_by_a_watch_that_is_gone_is_started_and_what_the_operator_stopped_is_not(
    tmp_path: Path, killed: bool
) -> None:
    program = Program()
    program.ready = (503, STUCK)
    file = tmp_path / "healthwatch.json"
    async with serving(program) as address:
        async with watching(tmp_path, Watched("p", address), patience=1.0) as (_, after, supervisord):
            supervisord.ends.clear()
            await after(6)
            await after(6)
            assert supervisord.acted == [("restart", "p", 4242)]
            left = file.read_text()  # as a kill in between leaves it
            supervisord.ends.set()
            await after(6)
        if killed:
            file.write_text(left)
        async with watching(tmp_path, Watched("p", address)) as (_, after, supervisord):
            for state in ("STOPPING", "STOPPED"):
                supervisord.states["p"] = state
                assert supervisord.acted == []
                await after(1)
            assert supervisord.acted == ([("start", "p", 4242)] if killed else [])
            await after(1)  # the stand-in stays stopped: from now on it is somebody else's wish
            assert len(supervisord.acted) == killed
        async with watching(tmp_path, Watched("p", address)) as (_, after, supervisord):
            supervisord.states["p"] = "STOPPED"
            await after(1)
            assert supervisord.acted == []


async def test_what_runs_after_a_restart_that_was_cut_off_may_be_stopped_by_the_operator(tmp_path: Path) -> None:
    (tmp_path / "healthwatch.json").write_text('{"acted": {}, "stopped": {"p": 1000000}}')
    async with watching(tmp_path, Watched("p")) as (_, after, _supervisord):
        await after(1)
    async with watching(tmp_path, Watched("p")) as (_, after, supervisord):
        supervisord.states["p"] = "STOPPED"
        await after(1)
        assert supervisord.acted == []


async def test_a_start_that_supervisord_did_not_take_is_tried_again(tmp_path: Path) -> None:
    program = Program()
    program.ready = (503, STUCK)
    async with serving(program) as address, watching(tmp_path, Watched("p", address)) as (_, after, supervisord):
        acts = supervisord.act

        def lose(action: Action, pid: int) -> None:
            acts(action, pid)
            supervisord.states["p"] = "STOPPED"
            raise ConnectionResetError

        supervisord.act = lose  # type: ignore[method-assign]
        await after(6)
        await after(6)
        supervisord.act = acts  # type: ignore[method-assign]
        await after(1)
        assert [kind for kind, *_ in supervisord.acted] == ["restart", "start"]


async def test_the_cap_outlives_the_watch(tmp_path: Path) -> None:
    acted = 0
    for _ in range(QUICK.most_per_hour + 2):  # each of which ends as soon as it has done something
        async with watching(tmp_path, Watched("p")) as (_, after, supervisord):
            supervisord.states["p"] = "FATAL"
            await after(1)
            acted += len(supervisord.acted)
    assert acted == QUICK.most_per_hour


def serves(folder: Path, address: str, started: float = 0.0) -> None:
    """The router's word where it listens. started: by the wall clock."""
    (folder / "run").mkdir(exist_ok=True)
    host, port = address.removeprefix("http://").split(":")
    facts = {"scheme": "http", "addresses": [[host, int(port)]], "started": started}
    (folder / "run" / "router.json").write_text(json.dumps(facts))


@pytest.mark.parametrize("generated", [True, False])
async def test_a_service_without_its_session_is_restarted(tmp_path: Path, generated: bool) -> None:
    router, service = Program(), Program()
    router.sessions = (200, {"sessions": [{"name": "here"}, {"name": "other"}]})
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "management.key").write_text("generated\n")
    async with serving(router) as first, serving(service) as second:
        programs = Watched("router", first), Watched("aistudio", second, session="here")
        serves(tmp_path, first)
        async with watching(tmp_path, *programs, key=None if generated else Secret("given")) as it:
            watch, after, supervisord = it
            for _ in range(3):
                await after(31)
            assert supervisord.acted == [] and watch.causes() == []
            router.sessions = (200, {"sessions": [{"name": "other"}]})
            await after(31)
            assert supervisord.acted == []
            await after(6)
            assert supervisord.acted == [("restart", "aistudio", 4242)]
            assert "aistudio: it has no session at the router's relay" in [each.text for each in watch.causes()]
    assert router.keys == {"Bearer generated" if generated else "Bearer given"}


@pytest.mark.parametrize(
    "why", ["refused", "nonsense", "router", "router_stuck", "not_ready", "no_key", "just_begun", "elsewhere"]
)
async def test_a_session_that_nobody_can_know_of_restarts_nothing(tmp_path: Path, why: str) -> None:
    router, service = Program(), Program()
    router.sessions = (200, {"sessions": []})
    if why == "refused":
        router.sessions = (401, {"error": {"message": "no"}})
    elif why == "nonsense":
        router.sessions = (200, {"sessions": {"name": 3}})
    elif why == "router":
        router.health = 500
    elif why == "router_stuck":
        router.ready = (503, [{"cause": "stuck", "text": "It is stuck.", "restart_helps": True}])
    elif why == "not_ready":
        service.ready = (503, [{"cause": "no_router", "text": "It connects.", "restart_helps": False}])
    async with serving(router) as first, serving(service) as second:
        programs = Watched("router", first), Watched("aistudio", second, session="here")
        serves(tmp_path, first, 10.0**9 if why == "just_begun" else 0.0)
        if why == "elsewhere":
            (tmp_path / "run" / "router.json").write_text('{"scheme": "http", "addresses": [["192.0.2.1", 9]]}')
        key = None if why == "no_key" else Secret("given")
        async with watching(tmp_path, *programs, key=key) as (_, after, supervisord):
            for _ in range(4):
                await after(6)
            assert [name for _, name, _ in supervisord.acted if name == "aistudio"] == []
            assert why in ("router", "router_stuck", "elsewhere") or not any(
                name == "router" for _, name, _ in supervisord.acted
            )


async def test_a_full_disk_is_said(tmp_path: Path) -> None:
    async with watching(tmp_path, Watched("p"), free=5 << 20) as (watch, after, _):
        await after(1)
        assert {each.text for each in watch.causes()} == {
            "the disk of state has 5 MiB left",
            "the disk of logs has 5 MiB left",
        }
        assert 'disk_free_bytes{folder="logs"} 5242880' in watch.metrics()


async def test_a_full_disk_of_logs_gets_room_by_old_logs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "switchyard.healthwatch")
    (tmp_path / "router.log").write_bytes(b"now")
    (tmp_path / "router.log.1").write_bytes(b"before")
    async with watching(tmp_path, Watched("p")) as (watch, after, _):
        watch._free = lambda folder: 5 << 20 if (folder / "router.log.1").exists() else 10**12
        await after(1)
        assert not (tmp_path / "router.log.1").exists() and (tmp_path / "router.log").exists()
        assert "removed old logs (router.log.1)" in caplog.text
        await after(1)
        assert watch.causes() == []


async def test_the_router_is_looked_for_where_it_says_that_it_listens(tmp_path: Path) -> None:
    async with serving(Program()) as address:
        (tmp_path / "run").mkdir()
        host, port = address.removeprefix("http://").split(":")
        (tmp_path / "run" / "router.json").write_text(f'{{"scheme": "http", "addresses": [["{host}", {port}]]}}')
        async with watching(tmp_path, Watched("router", "http://127.0.0.1:9")) as (_, after, supervisord):
            for _ in range(3):
                await after(31)
            assert supervisord.acted == []


@pytest.mark.parametrize(
    ("relay", "session"),
    [
        ("{}", host_name("aistudio")),
        ("{name: mine}", "mine"),
        ("{name: mine, urls: ['ws://127.0.0.1:9000/v1/ws', 'wss://far/v1/ws']}", "mine"),
        ("{name: mine, urls: ['wss://far/v1/ws']}", ""),
    ],
)
def test_a_session_is_looked_for_only_where_there_should_be_one(tmp_path: Path, relay: str, session: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        f"server: {{port: 9000}}\nauth: {{management: {{key: hidden}}}}\nproviders: {{aistudio: {{relay: {relay}}}}}\n"
        "services: [{name: own, command: x, relay: true}, {name: other, command: y}]\n"
    )
    made = plan(config, {}, tmp_path)
    assert {each.name: each.session for each in made.programs if each.session} == {
        **({"aistudio": session} if session else {}),
        "own": "own",
    }
    assert made.key == Secret("hidden") and "hidden" not in repr(made)


def test_how_long_a_drain_and_a_sign_in_last_is_as_the_settings_say(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    (tmp_path / "config").mkdir()
    config.write_text("server: {timeouts: {drain: 75}}\nproviders: {webai: {timeouts: {drain: soon}}}\n")
    (tmp_path / "config" / "aistudio.yaml").write_text("login: {deadline: 90}\n")
    found = {each.name: (each.drains, each.signs_in) for each in plan(config, {}, tmp_path).programs}
    assert found == {"router": (75 + CLOSES, 0), "aistudio": (0, 90), "webai": (25 + CLOSES, 0)}
    (tmp_path / "config" / "aistudio.yaml").write_text("login: [\n")  # its own trouble, and not the watch's
    assert [each.signs_in for each in plan(config, {}, tmp_path).programs] == [0, 600, 0]


def test_what_counts_without_a_word_is_what_the_programs_go_by() -> None:
    assert (Timeouts().drain, WebAITimeouts().drain, SignInWindow().deadline) == (30, 25, 600)
    assert CLOSES > MARGIN


def test_the_plan_follows_the_settings_of_the_router(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "server: {port: 9000, host: 0.0.0.0, state_dir: there, tls: {cert: x}}\n"
        "supervision: {every: 7, failures: 3}\n"
        "providers: {aistudio: {health_port: 9001, health_host: 127.0.0.3}, webai: {port: 9002, host: '::'}}\n"
        "services: [{name: own, command: [x], url: 'http://127.0.0.1:9003/'}, {name: other, command: y}]\n"
    )
    made = plan(config, {}, tmp_path)
    assert (made.rules.every, made.rules.failures, made.rules.again) == (7, 3, 5)
    assert made.programs == (
        Watched("router", "https://127.0.0.1:9000", drains=30 + CLOSES),
        Watched("aistudio", "http://127.0.0.3:9001", session=host_name("aistudio"), signs_in=600),
        Watched("webai", "http://[::1]:9002", drains=25 + CLOSES),
        Watched("own", healthz=False, readyz="http://127.0.0.1:9003/readyz"),
        Watched("other", healthz=False),
    )
    assert made.state == tmp_path / "there"
    config.write_text("supervision: {every: soon}\n")
    with pytest.raises(SettingsMistake, match="supervision"):
        plan(config, {}, tmp_path)


async def test_what_was_healed_is_kept_for_whoever_asks_why_a_program_is_young(tmp_path: Path) -> None:
    wedged = Program()
    async with serving(wedged) as address, watching(tmp_path, Watched("p", address)) as (watch, after, supervisord):
        await after(31)
        wedged.health = None
        await after(31)
        await after(6)
        supervisord.pid += 1
        supervisord.states["xvfb"] = "EXITED"  # of a sign-in, and started anew by nobody
        supervisord.ends_told = [
            ("p", 1_000_068.5, "terminated by SIGKILL"),
            ("xvfb", 1_000_068.5, "exit status 1"),
            ("gone", 1_000_068.5, "exit status 1"),
        ]
        wedged.health = 200
        await after(6)
        (killed,) = lately(tmp_path, 1_000_060.0)["p"]
        assert killed.kind == "killed" and "/healthz" in killed.why  # and its end is not told as another event
        assert "xvfb" not in lately(tmp_path, 1_000_100.0) and not any(name == "xvfb" for name, _ in watch.done)
        supervisord.pid += 1
        supervisord.ends_told.append(("p", 1_000_200.0, "terminated by SIGSEGV"))
        await after(200)
        assert lately(tmp_path, 1_000_300.0)["p"][1:] == [
            Healed(at=1_000_200.0, kind="ended", why="terminated by SIGSEGV")
        ]
        assert 'actions_total{program="p",action="ended"} 1' in watch.metrics()
    async with watching(tmp_path, Watched("p", "http://127.0.0.1:9")) as (_, after, supervisord):  # after a restart
        supervisord.ends_told = [("p", 1_000_200.0, "terminated by SIGSEGV")]
        await after(300)
        assert [each.kind for each in lately(tmp_path, 1_000_300.0)["p"]] == ["killed", "ended"]
        assert lately(tmp_path, 1_000_300.0 + 86_400) == {}


async def test_a_program_that_the_settings_have_no_more_is_forgotten(tmp_path: Path) -> None:
    programs = [Watched("p", "http://127.0.0.1:9")]

    def made() -> Plan:
        return Plan(rules=QUICK, programs=tuple(programs), state=tmp_path, logs=tmp_path, socket="")

    watch = Watch(made, Supervisord("p"), now=Time(), free=lambda _: 10**12)
    async with aiohttp.ClientSession() as session:
        try:
            await watch.round(session)
            assert [each.text for each in watch.causes()] == ["p: does not answer"]
            programs.clear()
            await watch.round(session)
            assert watch.causes() == [] and 'program="p"' not in watch.metrics()
        finally:
            await watch.close()


async def test_a_serving_process_that_its_parent_replaced_is_told_once(tmp_path: Path) -> None:
    facts = {"parent": 1, "pid": 2, "scheme": "http", "addresses": [["127.0.0.1", 9]], "started": 1_000_000.0}
    (tmp_path / "run").mkdir()
    file = tmp_path / "run" / "router.json"
    async with watching(tmp_path, Watched("router", "http://127.0.0.1:9")) as (_, after, _supervisord):
        file.write_text(json.dumps({**facts, "after": ""}))  # as somebody wished
        await after(1)
        assert lately(tmp_path, 1_000_001.0) == {}
        how = "the serving process 2 was killed by signal 9"
        file.write_text(json.dumps({**facts, "started": 1_000_002.0, "after": how}))
        for _ in range(3):
            await after(1)
        assert lately(tmp_path, 1_000_004.0) == {"router": [Healed(at=1_000_002.0, kind="ended", why=how)]}
