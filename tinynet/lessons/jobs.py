"""Runs the trainings of a lesson, several at a time, each in a process of its own."""
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from typing import Any

from ..ops.threads import available_cores, can_start_threads, get_threads, set_threads
from ..training.interrupt import hold_interrupts
from .job import Job


def run_jobs(jobs: Sequence[Job], parallel: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Do what is not done yet, `parallel` jobs at a time, and return the record of each, in order.

    Small networks are trained faster by two processes of one thread each than by one of two. With one job at a time,
    where no process can be started, and elsewhere than on Linux, where forking a process that computes is not safe,
    jobs are done in this process.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, when the jobs under way have written their checkpoints.
    """
    waiting = [job for job in jobs if job.record() is None]
    if not waiting:
        return records(jobs)
    if sys.platform != "linux" or not can_start_threads():
        parallel = 1
    start, total = time.perf_counter(), len(waiting)
    say(f"{total} training runs to do, {len(jobs) - total} done before; {min(parallel, total)} at a time")

    def finished(job: Job) -> None:
        left = sum(not other.done for other in waiting)
        passed = time.perf_counter() - start
        rest = f", about {passed / (total - left) * left / 60:.1f} minutes to go" if left else ""
        say(f"{total - left}/{total}  {summary(job.record() or {})}{rest}")

    if parallel == 1:
        for job in waiting:
            do_when_free(job)
            finished(job)
    else:
        side_by_side(waiting, parallel, finished)
    return records(jobs)


def records(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """Return the records of jobs that are all done."""
    return [record for job in jobs if (record := job.record()) is not None]


def summary(record: dict[str, Any]) -> str:
    """Return a line about one training."""
    text = f"{record['arm']}, {record['stage']}, rate {record['rate']:g}, seed {record['seed']}: "
    if record["diverged"]:
        return f"{text}diverged"
    last = record["history"][-1]
    test = "" if record["test_error"] is None else f", {'held-out' if record['stage'] == 'search' else 'test'} error " \
        f"{record['test_error']:.1%}"
    return f"{text}training error {last['train_error']:.1%}{test} after {last['epoch']} epochs, {last['seconds']:.0f} s"


def do_when_free(job: Job) -> None:
    """Do a job; while another process does it, wait for that one to finish or to die."""
    while True:
        try:
            return job.do()
        except BlockingIOError:
            time.sleep(1)


def side_by_side(jobs: Sequence[Job], parallel: int, finished: Callable[[Job], None]) -> None:
    """Do each job in a forked process, so many at a time; the first error ends all."""
    try:
        from ..plots import pictures  # noqa: F401 - imported once here instead of in every process
    except ImportError:
        pass
    context = multiprocessing.get_context("fork")
    threads = max(1, min(get_threads(), available_cores() // min(parallel, len(jobs))))
    waiting = list(jobs)
    running: dict[Any, tuple[Job, Any]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < parallel:
                job = waiting.pop(0)
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=in_child, args=(job, threads, sender))
                with hold_interrupts():  # a process that is not in `running` would not be told to stop
                    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # until it has its handler
                    try:
                        process.start()
                    finally:
                        signal.pthread_sigmask(signal.SIG_SETMASK, before)
                    sender.close()
                    running[receiver] = job, process
            ready: list[Any] = wait(list(running))
            for receiver in ready:
                job, process = running.pop(receiver)
                error = outcome(receiver, job)
                process.join()
                if error is not None:
                    raise error
                finished(job)
    finally:  # after an error or Ctrl-C: those under way write their checkpoints
        for _, process in running.values():
            if process.is_alive():
                os.kill(process.pid, signal.SIGINT)
        for _, process in running.values():
            process.join()


def outcome(receiver: Any, job: Job) -> BaseException | None:
    """Return the error that a job's process ended with."""
    try:
        return receiver.recv()
    except EOFError:
        return ChildProcessError(f"the process of {job.name} was killed")


def in_child(job: Job, threads: int, sender: Any) -> None:
    """Do a job in a process of its own, which stops, with a checkpoint, when the parent does."""
    os.setpgrp()  # Ctrl-C reaches the parent alone, which passes it on once
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background commands with it ignored
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()

    def watch() -> None:
        wait([parent.sentinel] if parent is not None else [])
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=watch, daemon=True).start()
    if get_threads() != threads:
        set_threads(threads)
    try:
        do_when_free(job)
        sender.send(None)
    except KeyboardInterrupt:
        pass
    except Exception as error:
        sender.send(portable(error, job))


def portable(error: Exception, job: Job) -> Exception:
    """Return an error that another process can raise and that says where it arose, which its traceback there does not.
    """
    where = f"in {job.name}, in a process of its own:\n{traceback.format_exc()}"
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # its class lives in a function, say, or takes other arguments than it hands on
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(where)
    return error
