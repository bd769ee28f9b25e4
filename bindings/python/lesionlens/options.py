"""The keywords of the calls; what is left out or None has its default.

Generated from bindings/interface.json by `make bindings`; do not edit."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Literal, TypedDict, Union

Path = Union[str, "PathLike[str]"]


class ReadOptions(TypedDict, total=False):
    """How image files are read. A model keeps what it was trained with, and files that are read for it are read
    so."""

    #: Which stored values become 0 to 1. Default "viewer".
    display: Literal["viewer", "full_range"] | None
    #: Which window or VOI lookup table of a DICOM file is used, from 0, the windows in the file's order and then the
    #: tables; frames without any take 0. Unused with the full range. Default 0.
    window: int | None
    #: Whether pictures that say that they lie on their side or are mirrored (tag 274 of TIFF and EXIF) are turned, and
    #: slices of NIfTI files (by sform or qform) as DICOM images of their plane lie. Default True.
    apply_orientation: bool | None


class ContextOptions(TypedDict, total=False):
    """What a context is made from."""

    #: Where to compute. Default "auto".
    device: Literal["auto", "cpu", "cuda", "rocm"] | None
    #: Which of several GPUs, from 0. The CPU has index 0 only. 0 or more; default 0.
    device_index: int | None
    #: Arithmetic of the network's layers. INT8 is refused where it cannot be computed. Default "auto".
    precision: Literal["auto", "f32", "bf16", "f16", "int8"] | None
    #: Directory that holds libtorch's libraries, should libtorch be needed. It must hold libtorch_cpu.so of the version
    #: that liblesionlens_torch.so was built with, and where the process has loaded one, that one.
    #: liblesionlens_torch.so is looked for here, too, before it is looked for beside this library. libtorch's library
    #: for GPUs (libtorch_cuda.so or libtorch_hip.so) is looked for here, then beside the loaded libtorch_cpu.so. None
    #: (default): the directory libtorch/lib beside liblesionlens_torch.so, where that was built, or what the process
    #: has loaded.
    libtorch_dir: Path | None
    #: CPU threads of one call. Threads of the library sleep when they have nothing to do; those of libtorch, where it
    #: computes on the CPU, wait actively for each other. At most 1024; 0 (default): as many as the process may use
    #: (container limits count).
    threads: int | None
    #: Which environment variables are set for the AMD runtime before it is loaded. Default "auto".
    rocm_tuning: Literal["auto", "reference", "off"] | None
    #: Upper bound, in bytes, for the memory of training, not counting the libraries themselves: its batches are cut
    #: into parts to fit, and decoded images are kept as far as that leaves room. On a GPU it bounds the batches in the
    #: GPU's memory and the images in the machine's. 0 (default): what is free at init, a quarter of it at most for
    #: images.
    memory_cap: int | None
    #: Whether the same call with the same seed gives the same bits on the same machine; if not, faster algorithms that
    #: do not (on GPUs) are allowed. Default True.
    deterministic: bool | None
    #: Seed of everything random that is not given a seed of its own. Default 0.
    seed: int | None
    #: How much the log callback is told. Default "warning".
    log_level: Literal["error", "warning", "info", "debug"] | None
    #: What computes on the CPU. A plan is refused on a GPU (ask for the CPU), with the precisions BF16 and F16, and, as
    #: PLAN_AVX2, on a processor without AVX2 and FMA. The precision INT8 needs AUTO or PLAN, on a processor with
    #: AVX-512 VNNI. Default "auto".
    engine: Literal["auto", "torch", "plan", "plan_avx2", "plan_portable"] | None
    #: GPU: share of its memory that the process may take. Set once per process, through PYTORCH_ALLOC_CONF when
    #: libtorch's library for GPUs is loaded; what the program that embeds the library or its user set there wins. Above
    #: 0 and at most 1, or 0 (default): automatic, 0.85 on AMD, 1 on NVIDIA.
    memory_fraction: float | None
    #: GPU: training gives memory that is not in use back after so many batches, and every fifth epoch; 0: never. 0 or
    #: more, or -1 (default): automatic, 100 on AMD, never on NVIDIA.
    empty_cache_every: int | None
    #: Whether activations lie pixel by pixel (NHWC), or channel by channel (NCHW). The library's own engine always has
    #: the former. None (default): automatic, pixel by pixel.
    channels_last: bool | None
    #: NVIDIA: whether products of 32-bit floats may round their factors to TF32. None (default): automatic, on from
    #: Ampere on, unless precision is F32.
    tf32: bool | None
    #: GPU: whether cuDNN or MIOpen times its algorithms for each new shape, which can take seconds. None (default):
    #: automatic, on where the GPU is AMD's, unless deterministic, as in the reference pipeline.
    benchmark: bool | None
    #: Whether the compiled network that a model's file may bring computes its logits. None (default): automatic, on,
    #: but not on AMD, as in the reference pipeline, nor where an engine was asked for.
    compiled_graph: bool | None
    #: Whether calls from several threads compute in turns, batch by batch and in the order they came, or at once. None
    #: (default): automatic, on for GPUs, whose memory then holds one batch at a time; on the CPU calls share one pool
    #: of threads and run beside each other.
    take_turns: bool | None


class DatasetOptions(TypedDict, total=False):
    """How a directory of labelled images is read. The defaults are the reference pipeline's layout."""

    #: labels.csv: name of the column with the file names, relative to image_directory. None (default):
    #: "patch_filename".
    filename_column: str | None
    #: labels.csv: name of the column with the labels. None (default): "stenoza_label".
    label_column: str | None
    #: labels.csv: directory of the images, relative to the root. None (default): "images".
    image_directory: str | None
    #: The positive class: the value of the label column, or the name of the folder, that means positive; everything
    #: else is negative. None (default): labels must be 0 or 1 (or false or true, no or yes), and of two folders the
    #: second in byte order of their names is positive.
    positive_class: str | None
    #: What to do with files that are missing or cannot be decoded. Missing ones are found when the data set is opened,
    #: undecodable ones when they are first used. Default "fail".
    on_unreadable: Literal["fail", "skip"] | None
    #: labels.csv: name of the column with the frame of a multi-frame file, from 0, or nothing for frame 0. None
    #: (default): "frame" if there is such a column, else frame 0 of every file.
    frame_column: str | None


class TrainOptions(TypedDict, total=False):
    """How to train. The defaults are the reference pipeline's."""

    #: Passes over as many samples as the training set has. 1 to 100000; default 20.
    epochs: int | None
    #: Samples of one optimiser step. 2 to 65536; default 128.
    batch_size: int | None
    #: Images are resized to this many pixels in width and height. Stored in the model. 32 to 4096; default 128.
    image_size: int | None
    #: Subtracted from the 0..1 values of red, green and blue before the network. Stored in the model. Default 0.
    mean: float | Sequence[float] | None
    #: Then red, green and blue are divided by it. Stored in the model. Above 0; default 1.
    standard_deviation: float | Sequence[float] | None
    #: What makes an epoch's model better than the best so far. Unused without a validation set. Default "accuracy".
    select_by: Literal["accuracy", "auc", "loss"] | None
    #: Learning rate. The schedule varies it. Above 0 and at most 1; default 1e-4.
    learning_rate: float | None
    #: Weight of positive samples in the loss. Above 0, or 0 (default): negatives / positives of the training set.
    pos_weight: float | None
    #: Probability of mirroring left-right. 0 to 1; default 0.5.
    flip_horizontal: float | None
    #: Probability of mirroring up-down. 0 to 1; default 0.5.
    flip_vertical: float | None
    #: Rotation by a random angle of up to this many degrees either way; nearest neighbour, corners filled with 0. 0 to
    #: 180; default 10.
    rotation_degrees: float | None
    #: Whether samples are drawn with replacement so that both classes come equally often; if not, each sample comes
    #: once per epoch, shuffled. Default True.
    weighted_sampler: bool | None
    #: Probability above which an image is called positive. Stored in the model. 0 to 1; default 0.5.
    threshold: float | None
    #: Seed of weights, sampling and augmentation. On CPU the same seed, data, options and number of threads give the
    #: same weights bit for bit (where memory is too short for a whole batch, also the same micro_batch_size). 0
    #: (default): the context's seed.
    seed: int | None
    #: How gradients become steps. Default "adam".
    optimizer: Literal["adam", "adamw", "sgd"] | None
    #: Weight decay of the weights of convolutions and head; norms and biases have none. 0 to 1; default 0.
    weight_decay: float | None
    #: Momentum of SGD. 0 or more and below 1; default 0.9.
    momentum: float | None
    #: How the learning rate goes on after the warm-up. Default "constant".
    schedule: Literal["constant", "cosine", "plateau"] | None
    #: Epochs, not necessarily whole, in which the learning rate rises linearly from 0; at most epochs. 0 to 100000;
    #: default 0.
    warmup_epochs: float | None
    #: Learning rate at which a cosine ends and below which a plateau does not go; at most learning_rate. 0 to 1;
    #: default 0.
    final_learning_rate: float | None
    #: What a plateau multiplies the learning rate by. Above 0 and below 1; default 0.1.
    plateau_factor: float | None
    #: Epochs without a lower loss that a plateau waits. At most 100000; default 5.
    plateau_patience: int | None
    #: Epochs without a better model after which training ends. Needs a validation set. At most 100000; 0 (default):
    #: training never ends early.
    early_stopping_patience: int | None
    #: Gradient clipping: largest L2 norm over all parameters; larger gradients are scaled down to it. Above 0, or 0
    #: (default): no clipping.
    clip_norm: float | None
    #: Share of every label that is spread evenly over both classes. 0 or more and below 1; default 0.
    label_smoothing: float | None
    #: Decay of a moving average of weights and running statistics, for example 0.999: the average is then what is
    #: validated and returned. In the first steps n it is at most (1 + n) / (10 + n). Above 0 and below 1, or 0
    #: (default): no average.
    average_decay: float | None
    #: First epochs in which only the head is trained, on the features of the frozen backbone; at most epochs. The
    #: optimiser starts anew after them. Of use with start weights. At most 100000; default 0.
    freeze_epochs: int | None
    #: Most images that go through the network at once: larger batches are made of several such parts, whose gradients
    #: add up, and whose batch statistics are their own. When memory runs out all the same the parts are halved, and
    #: nothing is lost. 2 to 65536, or 0 (default): the whole batch, or as many as fit into the memory that is free or
    #: that memory_cap allows.
    micro_batch_size: int | None
    #: How the loss is scaled in half precision. Unused in F32 and BF16. Default "auto".
    grad_scaler: Literal["auto", "standard", "amd"] | None
    #: Directory (made when missing) of the run. It receives best.safetensors whenever the model gets better,
    #: last.checkpoint (everything that is needed to go on) and curves.png after every epoch, and run.json at the end.
    #: One run at a time; a directory with an unfinished run is refused unless resume is set. None (default): nothing is
    #: written.
    run_directory: Path | None
    #: Whether to go on from the run directory's last.checkpoint when there is one; options and data must be those of
    #: the run (epochs may be more, except with a cosine schedule). The result is, on CPU bit for bit, that of a run
    #: without the interruption, whenever and however it was interrupted. Default False.
    resume: bool | None
    #: Minutes between checkpoints within an epoch; 0: after epochs (and when the call is cancelled) only. 0 to 1000000;
    #: default 10.
    checkpoint_minutes: float | None
    #: File with weights to start from: whatever a model can be loaded from, and DenseNet-121 with a head of any number
    #: of outputs, such as torchvision's densenet121-a639ec97.pth; a head that does not have one output is left out, and
    #: a random one takes its place, unless head_positive, head_negative or head_kind says what to make of it. Of a
    #: model file only the weights are taken. None (default): random, by torchvision's rule.
    start_weights: Path | None
    #: The positive class of a head with several outputs: its number from 0, or its name where the program's classes are
    #: known (CheXNet's and torchxrayvision's are). None (default): the second of two outputs; in training the head is
    #: left out.
    head_positive: str | None
    #: The class that the positive one is set against where a softmax has more than two: the probability is then that of
    #: the positive class given that it is one of these two. Named like head_positive. None (default): the other of two
    #: outputs.
    head_negative: str | None
    #: What the outputs of a head with several are. Default "auto".
    head_kind: Literal["auto", "softmax", "sigmoid"] | None
    #: What the network expects of its images' values. In training, mean and standard_deviation win over what is known
    #: of the weights. Default "auto".
    normalisation: Literal["auto", "none", "imagenet", "torchxrayvision"] | None
    #: Which stored values become 0 to 1. Default "viewer".
    display: Literal["viewer", "full_range"] | None
    #: Which window or VOI lookup table of a DICOM file is used, from 0, the windows in the file's order and then the
    #: tables; frames without any take 0. Unused with the full range. Default 0.
    window: int | None
    #: Whether pictures that say that they lie on their side or are mirrored (tag 274 of TIFF and EXIF) are turned, and
    #: slices of NIfTI files (by sform or qform) as DICOM images of their plane lie. Default True.
    apply_orientation: bool | None


class ImportOptions(TypedDict, total=False):
    """How weights of other programs become a model."""

    #: The positive class of a head with several outputs: its number from 0, or its name where the program's classes are
    #: known (CheXNet's and torchxrayvision's are). None (default): the second of two outputs; in training the head is
    #: left out.
    head_positive: str | None
    #: The class that the positive one is set against where a softmax has more than two: the probability is then that of
    #: the positive class given that it is one of these two. Named like head_positive. None (default): the other of two
    #: outputs.
    head_negative: str | None
    #: What the outputs of a head with several are. Default "auto".
    head_kind: Literal["auto", "softmax", "sigmoid"] | None
    #: What the network expects of its images' values. In training, mean and standard_deviation win over what is known
    #: of the weights. Default "auto".
    normalisation: Literal["auto", "none", "imagenet", "torchxrayvision"] | None
    #: Images are resized to this many pixels in width and height before the network. 32 to 4096, or 0 (default): 224
    #: for weights of CheXNet and torchxrayvision, 128 for others.
    image_size: int | None


class OptimizeOptions(TypedDict, total=False):
    """What to write as an optimised variant."""

    #: Which variant is written. Default "auto".
    variant: Literal["auto", "int8_head", "state_dict", "int8"] | None
    #: Images that go through the network at once in calibration for 8-bit convolutions. At most 65536; 0 (default):
    #: automatic, 32 on the CPU, and on GPUs as many as have 4 million pixels.
    batch_limit: int | None


class CalibrateOptions(TypedDict, total=False):
    """How to calibrate."""

    #: Whether to fit the temperature. Default True.
    fit_temperature: bool | None
    #: How the threshold is chosen. Default "keep".
    operating_point: Literal["keep", "youden", "sensitivity"] | None
    #: The sensitivity that the threshold has at least, where it is chosen for one. Above 0 and at most 1; default 0.95.
    target_sensitivity: float | None
    #: Images that go through the network at once. At most 65536; 0 (default): automatic, 32 on the CPU, and on GPUs as
    #: many as have 4 million pixels.
    batch_limit: int | None


class ClassifyOptions(TypedDict, total=False):
    """How to classify."""

    #: Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own.
    threshold: float | None
    #: Images that go through the network at once. With the library's own engine results do not depend on it; with
    #: libtorch beyond rounding. At most 65536; 0 (default): automatic, 32 on the CPU, and on GPUs as many as have 4
    #: million pixels.
    batch_limit: int | None


class HeatmapOptions(TypedDict, total=False):
    """How to draw heatmaps. The defaults are the reference pipeline's tiles, on the image as it is, with every
    pixel covered; the reference pipeline itself is resize_width = resize_height = 128, edge = reference, all
    else default."""

    #: How a heatmap is made. Default "tiles".
    method: Literal["tiles", "cam", "grad_cam_plus_plus", "occlusion"] | None
    #: Width and height of a tile in pixels of the resampled image. Tiles go into the network at this size, whatever
    #: size it was trained at. 32 to 4096; default 64.
    tile_size: int | None
    #: Distance of tiles in pixels of the resampled image, at most tile_size. At most 4096; 0 (default): three quarters
    #: of tile_size.
    stride: int | None
    #: Where the last tiles go when the stride does not end at the border. Default "cover".
    edge: Literal["cover", "reference"] | None
    #: How overlapping tiles are weighted where they meet. Default "mean".
    blend: Literal["mean", "gaussian"] | None
    #: The image is resampled by this factor before tiling. The heatmap has the image's own size all the same. Above 0
    #: and at most 16; default 1.
    scale: float | None
    #: Instead of scale: the image is resized to this width before tiling. Give both width and height, and leave scale
    #: at 1. At most 65536; 0 (default): by scale.
    resize_width: int | None
    #: The height that belongs to resize_width. At most 65536; 0 (default): by scale.
    resize_height: int | None
    #: Tiles that go through the network at once; those of different images share a batch. It bounds the memory that the
    #: call needs beside the heatmaps. For occlusion a batch holds as many whole images as fit into the pixels of so
    #: many tiles, at least one; CAM and Grad-CAM++ take one image at a time. At most 65536; 0 (default): automatic, 64
    #: on the CPU, and on GPUs as many as have 4 million pixels (1024 of 64 x 64).
    batch_limit: int | None
    #: Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own.
    threshold: float | None
    #: What the heatmap has a value for. Default "image".
    resolution: Literal["image", "tiles"] | None


class OverlayOptions(TypedDict, total=False):
    """How to draw an overlay. The defaults are the reference pipeline's."""

    #: Colours of the overlay. Default "inferno".
    colormap: Literal["inferno", "reds", "jet", "gray"] | None
    #: Which values get the lowest and the highest colour. Default "minmax".
    scale: Literal["minmax", "absolute"] | None
    #: Opacity of the colours: 0 shows the image only, 1 the colours only. 0 to 1; default 0.5.
    alpha: float | None
    #: Whether a bar of the colours is drawn inside the image at the right edge, half as high as it, with the values of
    #: the lowest and the highest colour; without them where the image's shorter side is under 96 pixels. Default False.
    color_bar: bool | None
    #: How many of the hottest tiles are outlined; all when there are no more. Default 0.
    outline_tiles: int | None
    #: Values of the heatmap (0 to 1, whatever the scale) below this are not coloured: the image alone is seen there. 0
    #: colours everything. 0 to 1; default 0.
    hide_below: float | None


class EvaluateOptions(TypedDict, total=False):
    """How to evaluate."""

    #: How heatmaps are drawn; its threshold, progress and cancel are not used, its resolution must be "image". Default
    #: None: with by_heatmap lens_heatmap_compute()'s defaults, otherwise class activation maps at the model's size,
    #: whose mean is the call's logit.
    heatmap: HeatmapOptions | None
    #: Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own.
    threshold: float | None
    #: Images that go through the network at once. At most 65536; 0 (default): automatic, 32 on the CPU, and on GPUs as
    #: many as have 4 million pixels.
    batch_limit: int | None
    #: Directory (made when missing) that receives the report's files. None (default): nothing is written.
    output_dir: Path | None
    #: Whether images are called by the mean of their heatmap's tiles, as in the reference pipeline, and not whole, at
    #: the model's size. An image's confidence is the mean of its heatmap, or its probability. Default False.
    by_heatmap: bool | None
    #: Whether flagged images' heatmaps are written into flagged_raw/, as .npy (32-bit floats) and as 16-bit PNG.
    #: Default True.
    save_heatmap_raw: bool | None
    #: Whether flagged images' heatmaps are written over their images into flagged_overlays/. Default True.
    save_heatmap_overlay: bool | None
    #: What makes an image flagged, that is, one whose heatmap is written. Default "either".
    flag_criterion: Literal["either", "prediction", "confidence"] | None
    #: Confidence from which on an image is flagged. 0 to 1; default 0.5.
    flag_confidence: float | None
    #: Share of flagged ones among the 12 images of sample_results.png. 0 to 1; default 0.75.
    sample_flagged_ratio: float | None
    #: The sensitivity that the operating point "sensitivity" has at least. Above 0 and at most 1; default 0.95.
    target_sensitivity: float | None
    #: Resampled data sets for the confidence intervals that have no formula. 100 to 1000000, or 0: no such intervals;
    #: default 2000.
    bootstrap_samples: int | None
    #: Seed of the resampling. 0 (default): the context's seed.
    seed: int | None


class LocalizeOptions(TypedDict, total=False):
    """How to compare heatmaps with boxes."""

    #: How heatmaps are drawn; its threshold, progress and cancel are not used, its resolution must be "image". Default
    #: None: lens_heatmap_compute()'s defaults.
    heatmap: HeatmapOptions | None
    #: How far from a box the hottest point may be and still be a hit, in pixels of the image. 0 to 65536, or -1
    #: (default): half a tile.
    tolerance: float | None
