"""Processes that fork after a model was loaded: multiprocessing's pools, and a server whose workers are forked from a
master that loaded the model. What hangs is ended after a while, and its stacks are printed."""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
import unittest
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import lesionlens  # noqa: E402

LIMIT_SECONDS = 120
IMAGES = 12
WORKERS = 3


def image(index: int) -> numpy.ndarray:
    return numpy.random.default_rng(index).integers(0, 255, (48, 48)).astype(numpy.uint8)


def probability(index: int) -> float:
    return model.classify(image(index)).probability


def probability_of_a_model_of_its_own(index: int) -> float:
    with lesionlens.Context(device="cpu", threads=2) as own:
        return own.load_model(path).classify(image(index)).probability


def hottest(index: int) -> int:
    return model.heatmap(image(index), tile_size=32, stride=16).summary.hottest_tile


def setUpModule() -> None:
    global context, model, path, temporary
    import tempfile

    # Forks inherit it: a child that hangs says where, too.
    faulthandler.dump_traceback_later(5 * LIMIT_SECONDS, exit=True)
    temporary = tempfile.TemporaryDirectory(prefix="lesionlens-")
    # Several threads for a call, also where there is one processor.
    context = lesionlens.Context(device="cpu", threads=3)
    data = lesionlens.Dataset()
    for index in range(16):
        data.add(image(index), index % 2)
    trained = context.train(data, data, epochs=1, batch_size=8, image_size=32, seed=7)
    path = str(Path(temporary.name) / "model.safetensors")
    trained.save(path)
    model = context.load_model(path)


def tearDownModule() -> None:
    faulthandler.cancel_dump_traceback_later()
    temporary.cleanup()


class Pools(unittest.TestCase):
    def setUp(self) -> None:
        self.expected = [probability(index) for index in range(IMAGES)]

    def mapped(self, function) -> list:
        with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
            results = pool.map_async(function, range(IMAGES)).get(LIMIT_SECONDS)
            pool.close()
            pool.join()
        return results

    def test_a_pool_gets_what_its_parent_gets(self) -> None:
        self.assertEqual(self.mapped(probability), self.expected)
        self.assertEqual([probability(index) for index in range(IMAGES)], self.expected)
        self.assertEqual(self.mapped(hottest), [hottest(index) for index in range(IMAGES)])

    def test_models_of_the_children(self) -> None:
        self.assertEqual(self.mapped(probability_of_a_model_of_its_own), self.expected)

    def test_a_pool_of_a_parent_that_goes_on_computing(self) -> None:
        stop, failures, rounds = threading.Event(), [], []

        def compute() -> None:
            while not stop.is_set():
                if probability(3) != self.expected[3]:
                    failures.append("another probability in the parent")
                rounds.append(1)

        threads = [threading.Thread(target=compute) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(5):
                self.assertEqual(self.mapped(probability), self.expected)
        finally:
            stop.set()
            for thread in threads:
                thread.join(LIMIT_SECONDS)
        self.assertFalse(any(thread.is_alive() for thread in threads))
        self.assertEqual(failures, [])
        self.assertGreater(len(rounds), 3)


class Server(unittest.TestCase):
    """As gunicorn does it with preload_app: a master that loads the application, listens, forks workers, and forks
    others for those that end."""

    def setUp(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.workers: dict[int, float] = {}
        self.addCleanup(self.end)

    def fork(self) -> None:
        child = os.fork()
        if child == 0:
            try:
                self.serve()
            finally:
                os._exit(70)
        self.workers[child] = time.monotonic()

    def serve(self) -> None:
        def leave(*_: object) -> None:
            # As a worker ends: the interpreter is finalised, and handles with it.
            model.close()
            context.close()
            os._exit(0)

        signal.signal(signal.SIGTERM, leave)
        signal.alarm(LIMIT_SECONDS)
        while True:
            connection, _ = self.listener.accept()
            with connection:
                index = int(connection.recv(16))
                connection.sendall(f"{os.getpid()} {probability(index)!r}".encode())

    def ask(self, index: int) -> tuple[int, float]:
        with socket.create_connection(self.listener.getsockname(), timeout=LIMIT_SECONDS) as connection:
            connection.sendall(str(index).encode())
            worker, answer = connection.makefile().read().split()
        return int(worker), float(answer)

    def reap(self, child: int) -> int:
        end = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < end:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                del self.workers[child]
                return status
            time.sleep(0.01)
        self.fail(f"worker {child} hung for {LIMIT_SECONDS} seconds when it was to end")

    def end(self) -> None:
        for child in list(self.workers):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

    def test_workers_answer_as_the_master_and_are_replaced(self) -> None:
        expected = [probability(index) for index in range(IMAGES)]
        for _ in range(WORKERS):
            self.fork()
        answered = set()
        for round_ in range(6):
            for index in range(IMAGES):
                worker, answer = self.ask(index)
                answered.add(worker)
                self.assertEqual(answer, expected[index])
            # The master computes, too, and replaces a worker: by order in one round, by force in the next.
            self.assertEqual(probability(round_), expected[round_])
            child = next(iter(self.workers))
            os.kill(child, signal.SIGKILL if round_ % 2 else signal.SIGTERM)
            status = self.reap(child)
            self.assertEqual(status, signal.SIGKILL if round_ % 2 else 0)
            self.fork()
        self.assertGreater(len(answered), 1)
        for child in list(self.workers):
            os.kill(child, signal.SIGTERM)
            self.assertEqual(self.reap(child), 0)


if __name__ == "__main__":
    unittest.main()
