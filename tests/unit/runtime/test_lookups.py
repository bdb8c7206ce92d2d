"""Questions from other threads are answered between two batches, or the asker learns that they were not."""

import queue
import threading

import pytest

from streams.runtime.lookups import Lookups
from tests.support.waiting import PATIENCE_S, until


def asked(lookups, query, answers):
    def ask():
        try:
            answers.append(lookups.ask(query, timeout_s=PATIENCE_S))
        except KeyError as error:
            answers.append(error.args)

    thread = threading.Thread(target=ask)
    thread.start()
    until(lambda: not lookups._waiting.empty(), pause_s=0.001)
    return thread


def test_a_question_gets_the_worker_s_answer():
    lookups, answers = Lookups(), []
    thread = asked(lookups, {"pool": "north"}, answers)
    lookups.serve(lambda query: {"asked": query})
    thread.join(PATIENCE_S)
    assert answers == [{"asked": {"pool": "north"}}]


def test_what_is_not_there_is_the_asker_s_error_and_the_worker_goes_on():
    lookups, answers = Lookups(), []

    def look_up(query):
        raise KeyError("nowhere")

    thread = asked(lookups, {}, answers)
    lookups.serve(look_up)
    thread.join(PATIENCE_S)
    assert answers == [("nowhere",)]


def test_a_busy_worker_times_the_asker_out_and_may_answer_nobody_later():
    lookups = Lookups()
    with pytest.raises(TimeoutError):
        lookups.ask({}, timeout_s=0.01)
    lookups.serve(lambda _: "too late")


def test_more_questions_than_may_wait_are_refused_at_once():
    lookups = Lookups(waiting_max=1)
    with pytest.raises(TimeoutError):
        lookups.ask({}, timeout_s=0.01)
    with pytest.raises(queue.Full):
        lookups.ask({}, timeout_s=PATIENCE_S)


def test_serving_when_nobody_asks_does_nothing():
    Lookups().serve(lambda _: pytest.fail("nobody asked"))
