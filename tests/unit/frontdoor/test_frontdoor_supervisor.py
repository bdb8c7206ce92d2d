"""Children are kept running, stopped in order, and never left behind."""

import os
import shutil
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import psutil

from commonshelf.stack import supervisor as supervisor_module
from commonshelf.stack.supervisor import ProcessSpec, Supervisor, last_line
from tests.support.waiting import until

SLEEPER = "import signal, sys, time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def python(name: str, code: str, stop_order: int = 0) -> ProcessSpec:
    return ProcessSpec(name, (sys.executable, "-c", code), stop_order=stop_order)


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_child_that_crashes_is_started_again(tmp_path):
    supervisor = Supervisor([python("a", SLEEPER)], tmp_path, lambda _: None)
    supervisor.start()
    try:
        (first,) = supervisor.statuses
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: supervisor.statuses[0].pid not in (None, first.pid), "the restart")
        assert supervisor.statuses[0].crashes == 1
        assert supervisor.statuses[0].state == "running"
    finally:
        supervisor.stop()


def test_one_line_tells_that_a_child_ended_and_one_that_it_keeps_crashing_with_its_last_words(tmp_path):
    said: list[str] = []
    supervisor = Supervisor([python("a", "raise SystemExit('no such disk')")], tmp_path, said.append)
    supervisor.start()
    try:
        until(lambda: len(said) > 1, "two words to the user")
    finally:
        supervisor.stop()
    assert said[0].startswith("a ended (exit code 1): no such disk; it is started again; ")
    assert said[1].startswith("a keeps crashing (3 times in a row, exit code 1): no such disk; ")
    for line in said:
        assert str(tmp_path / "a.log") in line
        assert len(line.splitlines()) == 1


def test_the_pause_between_restarts_doubles(tmp_path):
    stamp = tmp_path / "stamps"
    code = f"import time; open({str(stamp)!r}, 'a').write(f'{{time.time()}}\\n'); raise SystemExit(1)"
    supervisor = Supervisor([python("a", code)], tmp_path, lambda _: None)
    supervisor.start()
    try:
        until(lambda: stamp.exists() and len(stamp.read_text().splitlines()) >= 4, "four starts")
    finally:
        supervisor.stop()
    starts = [float(line) for line in stamp.read_text().splitlines()]
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    assert pauses[0] >= 0.2
    assert pauses[1] >= 0.4
    assert pauses[2] >= 0.8


def test_children_stop_in_the_order_of_their_rank(tmp_path):
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    time.sleep(0.3)\n"
        f"    open({str(order)!r}, 'a').write(sys.argv[1] + ' ')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    specs = [
        ProcessSpec(name, (sys.executable, "-c", code, name), stop_order=rank)
        for name, rank in (("third", 2), ("first", 0), ("second", 1))
    ]
    supervisor = Supervisor(specs, tmp_path, lambda _: None)
    supervisor.start()
    for spec in specs:
        log = tmp_path / f"{spec.name}.log"
        until(lambda log=log: log.exists() and "up" in log.read_text(), "the start")
    supervisor.stop()
    assert order.read_text().split() == ["first", "second", "third"]
    assert {status.state for status in supervisor.statuses} == {"stopped"}


def test_a_child_that_does_not_stop_is_killed_and_that_is_told(tmp_path):
    said: list[str] = []
    supervisor = Supervisor([python("a", STUBBORN)], tmp_path, said.append, stop_grace_s=0.3)
    supervisor.start()
    until(lambda: "up" in (tmp_path / "a.log").read_text(), "the start")
    (status,) = supervisor.statuses
    supervisor.stop()
    assert gone(status.pid)
    assert said == [f"a did not stop in time and was killed; its log is {tmp_path / 'a.log'}"]


def test_a_paused_child_can_be_stopped(tmp_path):
    supervisor = Supervisor([python("a", SLEEPER)], tmp_path, lambda _: None)
    supervisor.start()
    (status,) = supervisor.statuses
    os.kill(status.pid, signal.SIGSTOP)
    supervisor.stop()
    assert gone(status.pid)


def test_children_left_for_later_start_later(tmp_path):
    supervisor = Supervisor([python("a", SLEEPER), python("b", SLEEPER)], tmp_path, lambda _: None)
    supervisor.start(later=["b"])
    try:
        assert [status.state for status in supervisor.statuses] == ["running", "stopped"]
        supervisor.start_rest()
        assert [status.state for status in supervisor.statuses] == ["running", "running"]
    finally:
        supervisor.stop()


def test_children_end_when_their_parent_is_killed(tmp_path):
    child = "from commonshelf.stack.parent_watch import end_with_parent; import time; end_with_parent(); time.sleep(60)"
    parent = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from commonshelf.stack.supervisor import ProcessSpec, Supervisor\n"
        f"specs = [ProcessSpec(n, (sys.executable, '-c', {child!r})) for n in ('a', 'b')]\n"
        f"supervisor = Supervisor(specs, Path({str(tmp_path)!r}), print)\n"
        "supervisor.start()\n"
        "print(*[status.pid for status in supervisor.statuses], flush=True)\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(pids) == 2
    process.kill()
    process.wait()
    process.stdout.close()
    for pid in pids:
        until(lambda pid=pid: gone(pid), "the end of an orphan")


def test_a_full_log_is_moved_aside_while_the_child_goes_on_writing(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor_module, "_LOG_MAX_BYTES", 10_000)
    code = "import time\nfor n in range(10**6): print('line', n, flush=True); time.sleep(0.0001)"
    supervisor = Supervisor([python("a", code)], tmp_path, lambda _: None)
    supervisor.start()
    try:
        until((tmp_path / "a.old.log").exists, "the moving aside")
        until(lambda: (tmp_path / "a.log").stat().st_size > 0, "more lines")
        assert (tmp_path / "a.log").read_bytes()[:1] != b"\0"
    finally:
        supervisor.stop()


def test_the_last_words_of_a_log_are_its_last_line_that_says_something(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("first\nthe disk is full.\n\n  \n")
    assert last_line(log) == "the disk is full"
    log.write_bytes(b"")
    assert last_line(log) == "it said nothing"
    log.write_bytes(b"\xff\xfe broken")
    assert "broken" in last_line(log)


def test_a_status_names_the_log(tmp_path):
    supervisor = Supervisor([python("a", SLEEPER)], tmp_path / "deep" / "logs", lambda _: None)
    supervisor.start()
    supervisor.stop()
    assert supervisor.statuses[0].log_path == Path(tmp_path / "deep" / "logs" / "a.log")


def test_removed_logs_do_not_stop_the_looking_after(tmp_path):
    supervisor = Supervisor([python("a", SLEEPER)], tmp_path / "logs", lambda _: None)
    supervisor.start()
    try:
        (first,) = supervisor.statuses
        shutil.rmtree(tmp_path / "logs")
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: supervisor.statuses[0].pid not in (None, first.pid), "the restart")
        assert (tmp_path / "logs" / "a.log").exists()
    finally:
        supervisor.stop()


def test_what_the_machine_refuses_is_told_once_and_tried_until_it_works(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor_module, "_TROUBLE_PAUSE_S", 0.05)
    said: list[str] = []
    supervisor = Supervisor([python("a", SLEEPER)], tmp_path / "logs", said.append)
    supervisor.start()
    try:
        (first,) = supervisor.statuses
        shutil.rmtree(tmp_path / "logs")
        (tmp_path / "logs").write_text("a file where the folder was")
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: len(said) > 1, "two words to the user")
        (tmp_path / "logs").unlink()
        until(lambda: supervisor.statuses[0].state == "running", "the restart")
    finally:
        supervisor.stop()
    assert len(said) == 2
    assert said[0].startswith("a ended (SIGKILL): its log is gone; ")
    assert said[1].startswith(f"a cannot be looked after: [Errno 17] File exists: '{tmp_path / 'logs'}'; ")
