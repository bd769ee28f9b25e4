"""Inference on the CPU beside ONNX Runtime and OpenVINO, on the same weights, images and threads.

    bench_infer.py PROGRAM LIBRARY [--threads N] [--rounds N] [--avx2] [--report FILE]

PROGRAM is the benchmark `infer`, LIBRARY the built library. Rounds take turns: ours, each peer, ours again. Printed are
medians in milliseconds and the median over rounds of peer time / our time, for the faster peer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

CASES = ((1, 64), (1, 224), (8, 224), (64, 64), (256, 64), (1, 512))
#: Of the image whose heatmap is drawn, and of its tiles.
FRAME, TILE, STRIDE = 512, 64, 44
#: Time that one measurement of a round should take, in seconds.
MEASUREMENT = 0.4


def prepared(count: int, side: int) -> "numpy.ndarray":
    """The images that the program makes, N x 3 x side x side."""
    index = numpy.arange(side * side * 3, dtype=numpy.int64)
    images = [((index * 31 + image * 7) % 251) / numpy.float32(250) for image in range(count)]
    pixels = numpy.stack(images).astype(numpy.float32).reshape(count, side, side, 3)
    return numpy.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


class Ours:
    """The program, waiting for orders."""

    def __init__(self, arguments: argparse.Namespace, count: int, side: int, onnx: Path) -> None:
        engine = "plan-avx2" if arguments.avx2 else "plan"
        command = [arguments.program, str(side), str(count), str(arguments.threads), engine, str(onnx)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, times: int) -> dict:
        self._process.stdin.write(f"{times}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("bench_infer: the program ended early")
        return json.loads(line)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait()


def seconds_of(work: Callable[[], object], times: int) -> list[float]:
    measured = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        measured.append(time.perf_counter() - start)
    return measured


def peers(arguments: argparse.Namespace, onnx: Path) -> dict[str, Callable[["numpy.ndarray"], "numpy.ndarray"]]:
    settings = {
        "INFERENCE_NUM_THREADS": arguments.threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = openvino.Core().compile_model(str(onnx), "CPU", settings).create_infer_request()
    found = {"openvino": lambda images: request.infer({"image": images})["logit"]}
    # Nothing keeps ONNX Runtime's own kernels from AVX-512.
    if not arguments.avx2:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = arguments.threads
        session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
        found["onnxruntime"] = lambda images: session.run(["logit"], {"image": images})[0]
    return found


def compare(
    name: str,
    ours: Callable[[int], list[float]],
    others: dict[str, Callable[[], object]],
    rounds: int,
    difference: float,
) -> dict:
    """One entry of the report."""
    for other in others.values():
        other()
    times = max(1, round(MEASUREMENT / median(ours(2))))
    our_times, peer_times, ratios = [], {peer: [] for peer in others}, {peer: [] for peer in others}
    for _ in range(rounds):
        before = median(ours(times))
        measured = {}
        for peer, work in others.items():
            work()
            measured[peer] = median(seconds_of(work, times))
        mine = (before + median(ours(times))) / 2
        our_times.append(mine)
        for peer, seconds in measured.items():
            peer_times[peer].append(seconds)
            ratios[peer].append(seconds / mine)
    best = min(others, key=lambda peer: median(ratios[peer]))
    entry = {
        "name": name,
        "ours_ms": 1e3 * median(our_times),
        "peer": best,
        "peer_ms": 1e3 * median(peer_times[best]),
        "ratio": median(ratios[best]),
        "max_abs_diff": difference,
        "peers_ms": {peer: 1e3 * median(values) for peer, values in peer_times.items()},
    }
    print(
        f"{name:18} ours {entry['ours_ms']:8.2f} ms  {best} {entry['peer_ms']:8.2f} ms  ratio {entry['ratio']:.2f}  "
        f"difference {difference:.1e}",
        flush=True,
    )
    return entry


def network(arguments: argparse.Namespace, count: int, side: int, onnx: Path) -> dict:
    ours = Ours(arguments, count, side, onnx)
    first = ours.run(1)
    images = prepared(count, side)
    others = peers(arguments, onnx)
    difference = max(float(numpy.abs(run(images) - first["logits"]).max()) for run in others.values())
    works = {peer: (lambda run=run: run(images)) for peer, run in others.items()}
    entry = compare(
        f"{count} x {side} px", lambda times: ours.run(times)["seconds"], works, arguments.rounds, difference
    )
    ours.close()
    return entry | {"engine": first["engine"]}


def heatmap(arguments: argparse.Namespace, directory: Path) -> dict:
    """End to end, beside a loop that cuts tiles, runs them through ONNX Runtime and averages them; limited to AVX2, through
    OpenVINO."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bindings" / "python"))
    import lesionlens

    engine = "plan_avx2" if arguments.avx2 else "auto"
    context = lesionlens.Context(device="cpu", threads=arguments.threads, engine=engine)
    model = context.load_model(directory / "model.safetensors")
    others = peers(arguments, directory / "model.onnx")
    peer = "openvino" if arguments.avx2 else "onnxruntime"
    run = others[peer]
    frame = (prepared(1, FRAME)[0, 0] * 255).astype(numpy.uint8)

    def straightforward() -> "numpy.ndarray":
        pixels = (frame / numpy.float32(255)).astype(numpy.float32)
        starts = list(range(0, FRAME - TILE + 1, STRIDE))
        starts += [FRAME - TILE] if starts[-1] != FRAME - TILE else []
        corners = [(y, x) for y in starts for x in starts]
        sums, counts = numpy.zeros((FRAME, FRAME), numpy.float32), numpy.zeros((FRAME, FRAME), numpy.float32)
        for first in range(0, len(corners), 64):
            part = corners[first : first + 64]
            tiles = numpy.stack([numpy.stack([pixels[y : y + TILE, x : x + TILE]] * 3) for y, x in part])
            for (y, x), logit in zip(part, run(tiles)):
                sums[y : y + TILE, x : x + TILE] += 1 / (1 + numpy.exp(-logit))
                counts[y : y + TILE, x : x + TILE] += 1
        return sums / counts

    found = model.heatmap(frame, stride=STRIDE)
    difference = float(numpy.abs(found.values - straightforward()).max())
    draw = lambda times: seconds_of(lambda: model.heatmap(frame, stride=STRIDE), times)  # noqa: E731
    name = f"heatmap {found.tiles.size} tiles"
    return compare(name, draw, {peer: straightforward}, arguments.rounds, difference)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("library", type=Path)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--avx2", action="store_true", help="limit ours and OpenVINO to AVX2")
    parser.add_argument("--report", type=Path)
    arguments = parser.parse_args()
    if arguments.avx2:
        # Read when the libraries are loaded.
        os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX2"
    os.environ["LESIONLENS_LIBRARY"] = str(arguments.library.resolve())
    global numpy, onnxruntime, openvino
    import numpy
    import onnxruntime
    import openvino

    versions = {"onnxruntime": onnxruntime.__version__, "openvino": openvino.__version__.split("-")[0]}
    print(f"{arguments.threads} threads, {arguments.rounds} rounds, {versions}", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        entries = [network(arguments, count, side, directory / "model.onnx") for count, side in CASES]
        entries.append(heatmap(arguments, directory))
    wrong = [entry["name"] for entry in entries if not entry["max_abs_diff"] <= 1e-4]
    if arguments.report is not None:
        arguments.report.parent.mkdir(parents=True, exist_ok=True)
        document = {"threads": arguments.threads, "avx2": arguments.avx2, "peers": versions, "entries": entries}
        temporary = arguments.report.with_name(arguments.report.name + ".tmp")
        temporary.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        os.replace(temporary, arguments.report)
    for name in wrong:
        print(f"bench_infer: {name} differs by more than 1e-4", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
