"""Speed of a training step on the CPU: this library's against PyTorch's eager one, in turns.

bench_train.py BENCH [--python PYTHON] ... drives two programs that stay alive and idle while it is not their turn: BENCH
(crates/cpu/benches/train_step.rs), and this file run by PYTHON with --serve, once for each of PyTorch's orders in memory.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

POS_WEIGHT = 1.5
SERVED = ("pytorch", "pytorch channels_last")


def serve(side, batch, threads, order):
    """Answers each number of steps on standard input as the bench program does."""
    import torch
    import torchvision

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = torchvision.models.densenet121(weights=None)
    model.classifier = torch.nn.Linear(model.classifier.in_features, 1)
    model.train()
    images = torch.rand(batch, 3, side, side)
    if order == "channels_last":
        model = model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    targets = (torch.arange(batch) % 2).float()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    criterion = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor([POS_WEIGHT]))
    for line in sys.stdin:
        seconds = []
        for _ in range(int(line)):
            start = time.perf_counter()
            optimizer.zero_grad()
            loss = criterion(model(images).view(-1), targets)
            loss.backward()
            loss.item()
            optimizer.step()
            seconds.append(time.perf_counter() - start)
        print(json.dumps({"seconds": seconds, "peak_kib": peak_kib()}), flush=True)


def peak_kib():
    with open("/proc/self/status") as status:
        return next((int(line.split()[1]) for line in status if line.startswith("VmHWM:")), None)


class Program:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.seconds = []
        self.peak_kib = None

    def round(self, steps, count=True):
        print(steps, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args[0]} ended with status {self.process.wait()}")
        answer = json.loads(line)
        self.peak_kib = answer["peak_kib"]
        if count:
            self.seconds.append(statistics.median(answer["seconds"]))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(options, side):
    common = [str(side), str(options.batch), str(options.threads)]
    programs = {"written-out": Program([options.bench, *common, "written-out"])}
    for name in SERVED:
        order = name.partition(" ")[2] or "contiguous"
        programs[name] = Program([options.python, __file__, "--serve", *common, order])
    for program in programs.values():
        program.round(2, count=False)
    for _ in range(options.rounds):
        for program in programs.values():
            program.round(options.steps)
    for program in programs.values():
        program.close()
    ours = programs["written-out"].seconds
    rows = {}
    for name, program in programs.items():
        # Of each round by itself: what slows the machine for a while slows both.
        ratios = [theirs / mine for theirs, mine in zip(program.seconds, ours)]
        rows[name] = {
            "seconds": program.seconds,
            "images_per_second": options.batch / statistics.median(program.seconds),
            "speed_of_written_out": statistics.median(ratios),
            "peak_mib": program.peak_kib and program.peak_kib / 1024,
        }
    return rows


def print_table(side, rows):
    print(f"\n{side} px".ljust(26) + "images/s   written-out is   peak MiB")
    for name, row in rows.items():
        ratio = "" if name == "written-out" else f"{row['speed_of_written_out']:.2f} x"
        peak = "" if row["peak_mib"] is None else f"{row['peak_mib']:.0f}"
        print(f"{name:24} {row['images_per_second']:8.1f} {ratio:>16} {peak:>10}", flush=True)


def main():
    if sys.argv[1:2] == ["--serve"]:
        side, batch, threads = map(int, sys.argv[2:5])
        return serve(side, batch, threads, sys.argv[5])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", help="the program made of crates/cpu/benches/train_step.rs")
    parser.add_argument("--python", default=sys.executable, help="a Python with torch and torchvision")
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128], help="of the images, in pixels")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=3, help="of each round, whose median counts")
    parser.add_argument("--output", default="target/bench-train.json")
    options = parser.parse_args()
    document = {"batch": options.batch, "threads": options.threads, "sides": {}}
    for side in options.sides:
        rows = compare(options, side)
        fastest = min((rows[name] for name in SERVED), key=lambda row: statistics.median(row["seconds"]))
        document["sides"][side] = {"programs": rows, "ratio_to_pytorch": fastest["speed_of_written_out"]}
        print_table(side, rows)
    with open(options.output, "w") as file:
        json.dump(document, file, indent=1)
    print(f"\nwritten to {options.output}")


if __name__ == "__main__":
    main()
