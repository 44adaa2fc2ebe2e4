import os
import subprocess
import sys
import time

from bench import processes


def test_a_process_tree_has_its_children_and_costs_what_they_cost():
    code = "x = bytearray(50 << 20); t = __import__('time'); s = t.process_time()\nwhile t.process_time() - s < 0.3: pass\n"
    shell = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code + 'print(1, flush=True); input()'!r}])"
    )
    with subprocess.Popen([sys.executable, "-c", shell], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()

        family, cpu, mib = processes.tree(process.pid), processes.cpu(process.pid), processes.memory(process.pid)

        process.communicate(b"\n")

    assert len(family) == 2
    assert cpu.total >= 0.3  # of the child, not of the process that was asked about
    assert mib > 50


def test_a_process_that_is_gone_costs_nothing():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()

    assert processes.cpu(process.pid).total == 0
    assert processes.memory(process.pid) == 0
    assert processes.main_thread(process.pid) == 0


def test_the_machine_has_worked_when_we_have():
    before, own = processes.machine(), time.process_time()
    while time.process_time() - own < 0.1:
        pass

    assert processes.machine() - before >= 0.05  # resolved to 10 ms for each kind of work
    assert processes.main_thread(os.getpid()) > 0


def test_waiting_for_idle_ends_when_the_work_does_or_patience_does():
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            busy_for_long = processes.wait_idle([busy.pid], seconds=0.1)
        finally:
            busy.kill()

    assert not busy_for_long
    assert processes.wait_idle([busy.pid], seconds=5)
