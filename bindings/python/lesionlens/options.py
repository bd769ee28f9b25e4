"""The keywords of the calls; what is left out or None has the default that lesionlens.h documents."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TypedDict, Union

Path = Union[str, "PathLike[str]"]


class ContextOptions(TypedDict, total=False):
    """device: "auto", "cpu", "cuda", "rocm"; precision: "auto", "f32", "bf16", "f16"; rocm_tuning: "auto", "reference",
    "off"; log_level: "error", "warning", "info", "debug"; memory_cap in bytes; engine: "auto", "torch", "plan",
    "plan_avx2", "plan_portable"; memory_fraction of a GPU's memory; empty_cache_every so many batches."""

    device: str | None
    device_index: int | None
    precision: str | None
    libtorch_dir: Path | None
    threads: int | None
    rocm_tuning: str | None
    memory_cap: int | None
    deterministic: bool | None
    seed: int | None
    log_level: str | None
    engine: str | None
    memory_fraction: float | None
    empty_cache_every: int | None
    channels_last: bool | None
    tf32: bool | None
    benchmark: bool | None
    compiled_graph: bool | None
    take_turns: bool | None


class DatasetOptions(TypedDict, total=False):
    """on_unreadable: "fail", "skip"; positive_class: the label or folder that means positive."""

    filename_column: str | None
    label_column: str | None
    image_directory: Path | None
    positive_class: str | None
    on_unreadable: str | None
    frame_column: str | None


class OptimizeOptions(TypedDict, total=False):
    """variant: "auto", "int8_head", "state_dict", "int8"."""

    variant: str | None
    batch_limit: int | None


class TrainOptions(TypedDict, total=False):
    """select_by: "accuracy", "auc", "loss"; mean and standard_deviation: one number, or red, green and blue; optimizer:
    "adam", "adamw", "sgd"; schedule: "constant", "cosine", "plateau"; grad_scaler: "auto", "standard", "amd"."""

    epochs: int | None
    batch_size: int | None
    image_size: int | None
    select_by: str | None
    learning_rate: float | None
    pos_weight: float | None
    flip_horizontal: float | None
    flip_vertical: float | None
    rotation_degrees: float | None
    weighted_sampler: bool | None
    mean: float | Sequence[float] | None
    standard_deviation: float | Sequence[float] | None
    threshold: float | None
    seed: int | None
    run_directory: Path | None
    optimizer: str | None
    schedule: str | None
    weight_decay: float | None
    momentum: float | None
    warmup_epochs: float | None
    final_learning_rate: float | None
    plateau_factor: float | None
    plateau_patience: int | None
    early_stopping_patience: int | None
    clip_norm: float | None
    label_smoothing: float | None
    average_decay: float | None
    freeze_epochs: int | None
    micro_batch_size: int | None
    grad_scaler: str | None
    resume: bool | None
    checkpoint_minutes: float | None
    start_weights: Path | None


class ClassifyOptions(TypedDict, total=False):
    """threshold: the model's own when left out."""

    threshold: float | None
    batch_limit: int | None


class HeatmapOptions(TypedDict, total=False):
    """method: "tiles", "cam", "grad_cam_plus_plus", "occlusion"; edge: "cover", "reference"; blend: "mean", "gaussian";
    sizes in pixels; resolution: "image", or "tiles" for one value per tile."""

    method: str | None
    tile_size: int | None
    stride: int | None
    edge: str | None
    blend: str | None
    scale: float | None
    resize_width: int | None
    resize_height: int | None
    batch_limit: int | None
    threshold: float | None
    resolution: str | None


class OverlayOptions(TypedDict, total=False):
    """colormap: "inferno", "reds", "jet", "gray"; scale: "minmax", "absolute"; alpha: share of the colours, 0 to 1;
    outline_tiles: how many of the hottest tiles get a frame."""

    colormap: str | None
    scale: str | None
    alpha: float | None
    color_bar: bool | None
    outline_tiles: int | None


class EvaluateOptions(TypedDict, total=False):
    """output_dir: receives the report's files; by_heatmap: images are called by their heatmaps' tiles; heatmap: how those
    are drawn; flag_criterion: "either", "prediction", "confidence"; bootstrap_samples: 0 for no bootstrap."""

    threshold: float | None
    batch_limit: int | None
    output_dir: Path | None
    by_heatmap: bool | None
    heatmap: HeatmapOptions | None
    save_heatmap_raw: bool | None
    save_heatmap_overlay: bool | None
    flag_criterion: str | None
    flag_confidence: float | None
    sample_flagged_ratio: float | None
    target_sensitivity: float | None
    bootstrap_samples: int | None
    seed: int | None


class LocalizeOptions(TypedDict, total=False):
    """heatmap: how heatmaps are drawn; tolerance in pixels: half a tile when left out."""

    heatmap: HeatmapOptions | None
    tolerance: float | None


class CalibrateOptions(TypedDict, total=False):
    """operating_point: "keep", "youden", "sensitivity"; target_sensitivity is for the last."""

    fit_temperature: bool | None
    operating_point: str | None
    target_sensitivity: float | None
    batch_limit: int | None
