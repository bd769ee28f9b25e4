#!/usr/bin/env python3
"""Trains a DenseNet-121 in any number of processes on any number of machines, from lesionlens weights to lesionlens
weights: torchrun --nproc-per-node 2 train.py --help. What is done to the data is what lesionlens does; README.md."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist
import weights
from data import Labelled
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    made.add_argument("--train", type=Path, required=True, metavar="DIRECTORY", help="images/ and labels.csv")
    made.add_argument("--val", type=Path, required=True, metavar="DIRECTORY")
    made.add_argument("--out", type=Path, required=True, metavar="MODEL.safetensors", help="best validation accuracy")
    made.add_argument("--init", type=Path, metavar="FILE", help="lesionlens's .safetensors or torchvision's .pth")
    made.add_argument("--epochs", type=int, default=20)
    made.add_argument("--batch", type=int, default=128, help="of all processes together (%(default)s)")
    made.add_argument("--learning-rate", type=float, default=1e-4)
    made.add_argument("--image-size", type=int, help="default: the start weights', else 128")
    made.add_argument("--mean", type=float, nargs=3, help="default: the start weights', else 0 0 0")
    made.add_argument("--standard-deviation", type=float, nargs=3, help="default: the start weights', else 1 1 1")
    made.add_argument("--loaders", type=int, default=2, help="processes that read images for each that trains")
    made.add_argument("--seed", type=int, default=0)
    return made


def balanced(labels: torch.Tensor, count: int, seed: int, epoch: int) -> list[int]:
    """This process's share of `count` samples, drawn with replacement so that both classes come equally often: the same
    draw in every process, dealt out in turn."""
    classes = labels.long()
    chances = 1.0 / classes.bincount()[classes].double()
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    drawn: list[int] = torch.multinomial(chances, count, replacement=True, generator=generator).tolist()
    return drawn[dist.get_rank() :: dist.get_world_size()]


def accuracy(model: torch.nn.Module, data: Labelled, share: int, device: torch.device, loaders: int) -> float:
    """Of all processes together, each seeing its part of the images."""
    # Each process has running statistics of its own batches; the first one's are the model's.
    for buffer in model.buffers():
        dist.broadcast(buffer, 0)
    model.eval()
    mine = range(dist.get_rank(), len(data), dist.get_world_size())
    right = torch.zeros((), dtype=torch.float64, device=device)
    with torch.inference_mode():
        for images, labels in DataLoader(data, share, sampler=mine, num_workers=loaders):
            positive = model(images.to(device)).view(-1) > 0
            right += (positive == labels.to(device).bool()).sum()
    dist.all_reduce(right)
    return right.item() / len(data)


def train(arguments: argparse.Namespace, device: torch.device) -> None:
    processes = dist.get_world_size()
    share, rest = divmod(arguments.batch, processes)
    if rest or share < 2:
        raise SystemExit(f"--batch {arguments.batch} is not a multiple of {processes} processes, at least 2 for each")
    # The same random head in every process; what augmentation draws differs.
    torch.manual_seed(arguments.seed)
    model, said = weights.load(arguments.init) if arguments.init else (weights.network(), None)
    torch.manual_seed(arguments.seed * 1_000_003 + dist.get_rank())
    given = {name: getattr(arguments, name) for name in ("image_size", "mean", "standard_deviation")}
    preprocessing = replace(
        said or weights.Preprocessing(),
        **{name: tuple(value) if isinstance(value, list) else value for name, value in given.items() if value},
    )
    training = Labelled(arguments.train, preprocessing, augment=True)
    validation = Labelled(arguments.val, preprocessing, augment=False)
    if device.type == "cuda":
        # Statistics of the whole batch; PyTorch has it for GPUs only. The parameters' names stay.
        model = torch.nn.SyncBatchNorm.convert_sync_batchnorm(model)
    parallel = DistributedDataParallel(model.to(device))
    positives = training.labels.sum()
    criterion = torch.nn.BCEWithLogitsLoss(pos_weight=((len(training) - positives) / positives).to(device))
    optimizer = torch.optim.Adam(parallel.parameters(), lr=arguments.learning_rate)
    steps = max(1, len(training) // arguments.batch)
    best = -1.0
    for epoch in range(arguments.epochs):
        parallel.train()
        mine = balanced(training.labels, steps * arguments.batch, arguments.seed, epoch)
        total = 0.0
        for images, labels in DataLoader(training, share, sampler=mine, num_workers=arguments.loaders):
            optimizer.zero_grad()
            loss = criterion(parallel(images.to(device)).view(-1), labels.to(device))
            loss.backward()
            optimizer.step()
            total += loss.item()
        found = accuracy(model, validation, share, device, arguments.loaders)
        if dist.get_rank() == 0:
            print(f"epoch {epoch + 1}: loss {total / steps:.4f}, validation accuracy {found:.4f}", flush=True)
            if found > best:
                record = {"program": "examples/ddp/train.py", "torch": torch.__version__, "processes": processes,
                          "epoch": epoch + 1, "validation_accuracy": found, "batch": arguments.batch,
                          "learning_rate": arguments.learning_rate, "seed": arguments.seed}  # fmt: skip
                weights.save(arguments.out, model, preprocessing, record)
        best = max(best, found)


def main() -> None:
    arguments = parser().parse_args()
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        train(arguments, device)
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
