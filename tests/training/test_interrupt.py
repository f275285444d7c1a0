"""Ctrl-C in a block that must not be left half-way."""
import signal
import threading

import pytest

from tinynet.training.interrupt import end_as_interrupt, hold_interrupts


def test_ctrl_c_waits_for_the_end_of_the_block():
    reached = []
    with pytest.raises(KeyboardInterrupt), hold_interrupts():
        signal.raise_signal(signal.SIGINT)
        reached.append("end")
    assert reached == ["end"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_does_not_wait():
    reached = []
    with pytest.raises(KeyboardInterrupt), hold_interrupts():
        signal.raise_signal(signal.SIGINT)
        reached.append("first")
        signal.raise_signal(signal.SIGINT)
        reached.append("second")
    assert reached == ["first"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_program_that_ignores_ctrl_c_goes_on_ignoring_it():
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with hold_interrupts():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)


@pytest.mark.parametrize("ctrl_c", [signal.default_int_handler, signal.SIG_IGN])
def test_the_end_of_a_batch_systems_job_waits_for_the_end_of_the_block_too(ctrl_c):
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, ctrl_c)
    reached = []
    try:
        with pytest.raises(KeyboardInterrupt), end_as_interrupt(), hold_interrupts():
            signal.raise_signal(signal.SIGTERM)
            reached.append("end")
        assert reached == ["end"]
        assert signal.getsignal(signal.SIGINT) == ctrl_c
        assert signal.getsignal(signal.SIGTERM) == usual[signal.SIGTERM]
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def test_an_error_in_the_block_comes_first():
    with pytest.raises(ZeroDivisionError), hold_interrupts():
        signal.raise_signal(signal.SIGINT)
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_outside_the_main_thread_nothing_is_held():
    found: list = []

    def work():
        with hold_interrupts():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert found == [signal.default_int_handler]
