"""A child that answers, dies, hangs, trickles, swells or talks nonsense: each has its own end, and none outlives its wish."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from tests.conftest import ROOT

from sightserve.sandbox.conversation import ChildLost, ChildSilent, Conversation, Stopped
from sightserve.sandbox.process import spawn

FUSSY = "tests.unit.sandbox.fussy"
_MANY = 1100  # descriptors


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def talk():
    with Conversation(spawn(FUSSY)) as made:
        yield made


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_answers_with_words_and_bytes_and_is_gone_afterwards():
    with Conversation(spawn(FUSSY)) as talk:
        talk.send({"do": "echo", "attached": 200_000})
        answer = talk.receive(quiet=10)

        assert answer.attached == b"x" * 200_000
        pid = answer.content["pid"]
        assert alive(pid)

    assert not alive(pid)


def test_a_process_with_more_than_a_thousand_connections_is_answered_too():
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < _MANY + 100:
        pytest.skip("this system allows too few open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, _MANY + 100), hard))
    held: list[int] = []
    try:
        while not held or held[-1] < _MANY:  # select() knows no descriptor from 1,024 on
            held.append(os.dup(0))
        with Conversation(spawn(FUSSY)) as talk:
            talk.send({"do": "echo", "attached": 200_000})

            assert talk.receive(quiet=10).attached == b"x" * 200_000
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("wish", ["die", "talk nonsense"])
def test_a_child_that_dies_or_talks_nonsense_is_lost(talk, wish):
    talk.send({"do": wish})

    with pytest.raises(ChildLost):
        talk.receive(quiet=10)


def test_a_child_that_says_nothing_is_not_waited_for(talk):
    talk.send({"do": "say nothing"})

    with pytest.raises(ChildSilent):
        talk.receive(quiet=0.3)


def test_a_child_that_trickles_has_an_end_in_all(talk):
    talk.send({"do": "trickle"})

    with pytest.raises((ChildSilent, ChildLost)):
        talk.receive(quiet=10, total=0.5)


def test_a_wish_to_stop_ends_a_wait():
    stop = threading.Event()
    with Conversation(spawn(FUSSY), stop) as talk:
        talk.send({"do": "say nothing"})
        threading.Timer(0.2, stop.set).start()

        with pytest.raises(Stopped):
            talk.receive(quiet=30)


def test_memory_beyond_the_bound_is_refused_inside_the_child(talk):
    talk.send({"do": "swell", "memory": 2 * 2**30})

    assert talk.receive(quiet=20).content == {"refused": True}


def test_what_a_library_prints_is_no_message(talk):
    talk.send({"do": "print"})

    assert talk.receive(quiet=10).content == {"said": True}


def test_signals_of_the_terminal_end_no_child(talk):
    talk.send({"do": "echo"})
    pid = talk.receive(quiet=10).content["pid"]

    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(pid, number)
    talk.send({"do": "echo"})

    assert talk.receive(quiet=10).content["pid"] == pid


def test_a_child_ends_with_the_process_that_started_it():
    code = (
        "import os, signal; from sightserve.sandbox.process import spawn; "
        "from sightserve.sandbox.conversation import Conversation; "
        f"talk = Conversation(spawn({FUSSY!r})); talk.send({{'do': 'echo'}}); "
        "print(talk.receive(quiet=10).content['pid'], flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )

    run = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False, timeout=30)

    pid = int(run.stdout)
    give_up = time.monotonic() + 10
    while alive(pid) and time.monotonic() < give_up:
        time.sleep(0.02)
    assert not alive(pid)
