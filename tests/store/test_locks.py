"""Locks and transactions among threads and processes that may be killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.store.samples import COMPANY, JOB, couple
from tieline.errors import Busy
from tieline.store import Store

OTHER_PROCESS = """
import sys
from datetime import UTC, datetime
import pandas as pd
from tieline.store import Outcome, Store

address, what = sys.argv[1:]
with Store.open(address) as store:
    if what == "lock":
        with store.lock("CUSTOMER", company="c"):
            print("ready", flush=True)
            sys.stdin.read()
    elif what == "write":
        with store.writing() as connection:
            connection.exec_driver_sql("DELETE FROM coupling")
            print("ready", flush=True)
            sys.stdin.read()
    else:
        print("ready", flush=True)
"""


@contextmanager
def other_process(address: str, what: str) -> Iterator[subprocess.Popen[str]]:
    """Run a second process until it is ready; it stops when its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS, address, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert "ready\n" == process.stdout.readline()
            yield process
        finally:
            process.kill()


@pytest.fixture(params=["given", "memory"])
def lockable(request, address):
    """Yield an open store, in memory too."""
    with Store.open("sqlite://" if request.param == "memory" else address) as store:
        yield store


def test_a_held_lock_refuses_others(lockable):
    """The same name and company only; free again after the block."""
    with lockable.lock("CUSTOMER", company="c"):
        with ThreadPoolExecutor(1) as pool:

            def other_thread():
                with lockable.lock("CUSTOMER", company="c"):
                    pass

            with pytest.raises(Busy, match="Another run of CUSTOMER"):
                pool.submit(other_thread).result()
        with lockable.lock("CUSTOMER", company="d"), lockable.lock("CONTACT"):
            pass
    with lockable.lock("CUSTOMER", company="c"):
        pass


def test_a_lock_is_free_after_an_error_in_its_block(lockable):
    """A failed run does not block the next."""
    with pytest.raises(ZeroDivisionError), lockable.lock("CUSTOMER"):
        _ = 1 / 0
    with lockable.lock("CUSTOMER"):
        pass


def test_waiting_ends_with_busy(lockable):
    """The second holder waits as long as it was told, in the same thread too."""
    late = lockable.lock("CUSTOMER", wait_s=0.05)
    with lockable.lock("CUSTOMER"), pytest.raises(Busy), late:
        pass


def test_a_killed_process_releases_its_lock(address):
    """Held while it lives, free once it is dead."""
    with Store.open(address) as store, other_process(address, "lock") as process:
        with pytest.raises(Busy), store.lock("CUSTOMER", company="c"):
            pass
        process.kill()
        process.wait()
        with store.lock("CUSTOMER", company="c", wait_s=20):
            pass


def test_a_process_killed_in_a_transaction_leaves_nothing(address):
    """What it had deleted is there, and the next writer gets in."""
    with Store.open(address) as store:
        couple(store, 1)
        with other_process(address, "write") as process:
            process.kill()
            process.wait()
        assert 1 == store.count_couplings(COMPANY, JOB)
        couple(store, 2)
        assert 2 == store.count_couplings(COMPANY, JOB)


def test_processes_may_open_a_new_store_at_once(address):
    """One migrates, the others wait for it."""
    with ThreadPoolExecutor(3) as pool:

        def open_elsewhere(_number):
            with other_process(address, "open"):
                return True

        assert [True] * 3 == list(pool.map(open_elsewhere, range(3)))
    with Store.open(address) as store:
        assert 0 == store.count_couplings(COMPANY, JOB)


def test_threads_may_share_a_store(lockable):
    """Writers take turns; nobody fails, nothing is lost."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: couple(lockable, n), range(40)))
    assert 40 == lockable.count_couplings(COMPANY, JOB)
