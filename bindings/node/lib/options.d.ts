// Generated from bindings/interface.json by `make bindings`; do not edit.

/**
 * Result of a call. Numbers are never reused.
 *
 * ''LENS_OK'': The call did what it says; its results are in the out parameters.
 *
 * ''LENS_ERROR_ARGUMENT'': An argument is wrong (null, out of range, malformed); nothing was changed.
 *
 * ''LENS_ERROR_IO'': A file or directory cannot be read or written.
 *
 * ''LENS_ERROR_FORMAT'': A file was read, but it is not what it should be (no image, no model, a broken table).
 *
 * ''LENS_ERROR_DEVICE'': The asked-for device cannot be used.
 *
 * ''LENS_ERROR_OUT_OF_MEMORY'': Memory ran out: the machine's, or the device's.
 *
 * ''LENS_ERROR_DATA'': The data set cannot serve the purpose (empty, one class only, ...).
 *
 * ''LENS_ERROR_VERSION'': Header, library or libtorch do not belong together.
 *
 * ''LENS_ERROR_UNSUPPORTED'': This version of the library cannot do that.
 *
 * ''LENS_ERROR_INTERNAL'': A defect in the library, or in libtorch where that computes; the message carries what was
 * caught.
 *
 * ''LENS_CANCELLED'': The progress callback or the cancel token stopped the call; nothing half-written is left.
 */
export type Status = 'LENS_OK' | 'LENS_ERROR_ARGUMENT' | 'LENS_ERROR_IO' | 'LENS_ERROR_FORMAT' | 'LENS_ERROR_DEVICE' |
'LENS_ERROR_OUT_OF_MEMORY' | 'LENS_ERROR_DATA' | 'LENS_ERROR_VERSION' | 'LENS_ERROR_UNSUPPORTED' |
'LENS_ERROR_INTERNAL' | 'LENS_CANCELLED';

/**
 * Which stored values of gray images become 0 to 1.
 *
 * 'viewer': As a viewer shows it: the file's window or lookup table, or, of more than 8 bits without one, from the
 * smallest to the largest value of the frame.
 *
 * 'full_range': All values that the stored bits can have, windows and VOI lookup tables left out; of floats, those of
 * the frame. So all frames of integers are shown alike.
 */
export type Display = 'viewer' | 'full_range';

/**
 * Layout of one pixel. Samples of more than 8 bits are in the machine's byte order and need no alignment.
 *
 * 'gray8': One unsigned 8-bit sample.
 *
 * 'gray16': One unsigned 16-bit sample.
 *
 * 'gray_s16': One signed 16-bit sample.
 *
 * 'gray_f32': One 32-bit float; finite.
 *
 * 'rgb8': Red, green, blue, 8 bits each.
 *
 * 'bgr8': Blue, green, red, 8 bits each.
 *
 * 'rgba8': Red, green, blue, alpha, 8 bits each; alpha is ignored.
 *
 * 'bgra8': Blue, green, red, alpha, 8 bits each; alpha is ignored.
 */
export type PixelFormat = 'gray8' | 'gray16' | 'gray_s16' | 'gray_f32' | 'rgb8' | 'bgr8' | 'rgba8' | 'bgra8';

/**
 * How a window turns rescaled values into 0..1, by VOI LUT Function (0028,1056) of PS3.3 C.11.2.1.2 and C.11.2.1.3.
 *
 * 'linear': A line over width - 1 from half a unit below the center; for floats the same as LINEAR_EXACT.
 *
 * 'linear_exact': A line over the width around the center.
 *
 * 'sigmoid': 1 / (1 + exp(-4 x (value - center) / width)).
 */
export type WindowFunction = 'linear' | 'linear_exact' | 'sigmoid';

/**
 * Where to compute.
 *
 * 'auto': The first that works: an NVIDIA GPU, an AMD GPU that libtorch has kernels for, the CPU. The choice and its
 * reason, with why others were passed over, are in the context's description; a GPU that was tried and does not work
 * is a warning in the log.
 *
 * 'cpu': The CPU.
 *
 * 'cuda': An NVIDIA GPU.
 *
 * 'rocm': An AMD GPU.
 */
export type Device = 'auto' | 'cpu' | 'cuda' | 'rocm';

/**
 * Arithmetic of the network's layers. Heatmaps are always accumulated in 32-bit floats.
 *
 * 'auto': NVIDIA: bf16 from Ampere on, else fp16. AMD: bf16 on CDNA, else fp16. CPU: f32.
 *
 * 'f32': 32-bit floats.
 *
 * 'bf16': bfloat16 with f32 weights. On CPU slower than F32, for trying out what a GPU will do.
 *
 * 'f16': IEEE half precision with f32 weights; training scales the loss. On CPU slower than F32, for trying out what a
 * GPU will do.
 *
 * 'int8': 8-bit integers, on CPUs with AVX-512 VNNI: the convolutions but the first, of models that were optimised for
 * it, when they classify; everything else in 32-bit floats, and other models altogether.
 */
export type Precision = 'auto' | 'f32' | 'bf16' | 'f16' | 'int8';

/**
 * Which environment variables are set for the AMD runtime before it is loaded. What the program that embeds the
 * library or its user set wins.
 *
 * 'auto': Those that are safe for the GPU that is there.
 *
 * 'reference': Exactly the ten values of the reference pipeline.
 *
 * 'off': None.
 */
export type RocmTuning = 'auto' | 'reference' | 'off';

/**
 * What computes on the CPU. A plan is the library's own engine, in 32-bit floats (with the precision INT8 in 8-bit
 * integers): when it classifies, draws heatmaps or evaluates, with the network compiled for some instructions; when it
 * trains, with the widest that the processor has. Each model's plan is compared with the network computed layer by
 * layer, on test images, when it is needed first, and where it does not give the same, that reference network computes
 * the model, slowly, and the log is told (a warning). A model's description and reports name what computes. For one
 * model, size of image and plan, results are the same bits for any batch and any number of threads.
 *
 * 'auto': On the CPU in f32 a plan for the widest instructions; on GPUs and in half precision libtorch.
 *
 * 'torch': libtorch, also for training; needs liblesionlens_torch.so.
 *
 * 'plan': A plan for the widest instructions that the processor has.
 *
 * 'plan_avx2': A plan for AVX2 and FMA.
 *
 * 'plan_portable': A plan for what every processor has; slow.
 */
export type Engine = 'auto' | 'torch' | 'plan' | 'plan_avx2' | 'plan_portable';

/**
 * Phase of a long call.
 *
 * 'load': Reading and decoding images; done and total count images.
 *
 * 'train': Training; done and total count samples of the epoch.
 *
 * 'validate': Validating after an epoch; done and total count samples.
 *
 * 'classify': Classifying; done and total count images.
 *
 * 'heatmap': Drawing heatmaps; done and total count what goes through the network over all images of the call: tiles,
 * or images.
 *
 * 'evaluate': Evaluating, calibrating or localising, or measuring activations for 8 bits; done and total count images.
 */
export type Phase = 'load' | 'train' | 'validate' | 'classify' | 'heatmap' | 'evaluate';

/**
 * How a heatmap is made: which question it answers. None of them proves where a lesion is: they show what the model
 * goes by.
 *
 * 'tiles': Overlapping tiles, each classified by itself: "which parts would be called positive if they were seen
 * alone?" The sharpest method for models trained on patches of the tile's size; it knows nothing of what is around a
 * tile.
 *
 * 'cam': Class activation map (Zhou et al. 2016), one pass over the whole image: "which parts push the whole image's
 * logit up or down?" Each cell of the network's last feature map (every 32 pixels) adds its share; their mean is the
 * logit, exactly, for pooling and head are linear. The value is a share through the logistic function: above 0.5
 * speaks for the positive class, below 0.5 against it. As cells see far beyond their 32 pixels, it is coarse.
 *
 * 'grad_cam_plus_plus': Grad-CAM++ (Chattopadhay et al. 2018), one pass over the whole image: "where is the evidence
 * for the positive class, also when it shows in several places?" Channels that speak against it are left out. Values
 * are relative to the image's strongest cell, which has 1: they say where, not how much, and cannot be compared
 * between images; a heatmap without any evidence is 0 everywhere.
 *
 * 'occlusion': Occlusion sensitivity (Zeiler and Fergus 2014): "which parts would the probability of the whole image
 * fall without?" The whole image goes through the network once for each tile, with the tile filled with the image's
 * mean colour; the value is the fall of the probability, 0 where it does not fall. The slowest method, and the only
 * one that asks the model as it is used; a finding that shows in two places does not fall when only one is hidden.
 */
export type HeatmapMethod = 'tiles' | 'cam' | 'grad_cam_plus_plus' | 'occlusion';

/**
 * Where the last tiles go when the stride does not end at the border.
 *
 * 'cover': A last row and column of tiles flush with the border, so that every pixel is covered.
 *
 * 'reference': No such tiles; pixels that no tile covers are 0, as in the reference pipeline.
 */
export type Edge = 'cover' | 'reference';

/**
 * How overlapping tiles are weighted where they meet.
 *
 * 'mean': Each tile counts the same in all its pixels, as in the reference pipeline.
 *
 * 'gaussian': A tile counts most in its middle: a Gaussian with a standard deviation of 1/8 of the tile, at least
 * 1/1000 of its peak, as in sliding-window inference of segmentation networks. Smoother heatmaps.
 */
export type Blend = 'mean' | 'gaussian';

/**
 * What a heatmap has a value for.
 *
 * 'image': Every pixel of the image.
 *
 * 'tiles': Every tile: columns x rows values, for images whose heatmap would be too large. Such a heatmap cannot be
 * laid over an image; its tiles say where they lie.
 */
export type HeatmapResolution = 'image' | 'tiles';

/**
 * What is taken over several heatmaps.
 *
 * 'max': The highest value of each pixel and tile: keeps findings of single frames.
 *
 * 'mean': The mean: keeps findings that persist.
 */
export type Aggregate = 'max' | 'mean';

/**
 * Colours of an overlay, from low to high.
 *
 * 'inferno': Black, purple, orange, yellow; the reference pipeline's overlays.
 *
 * 'reds': White to dark red; the reference pipeline's sample sheet.
 *
 * 'jet': Blue, green, yellow, red.
 *
 * 'gray': Black to white.
 */
export type Colormap = 'inferno' | 'reds' | 'jet' | 'gray';

/**
 * Which values get the lowest and the highest colour.
 *
 * 'minmax': The heatmap's own lowest and highest value (a constant heatmap gets the lowest colour): shows where, not
 * how much.
 *
 * 'absolute': 0 and 1: shows how much, comparable between images.
 */
export type OverlayScale = 'minmax' | 'absolute';

/**
 * Options of ImageFile.load. What is not set has its default.
 *
 * How image files are read. A model keeps what it was trained with, and files that are read for it are read so.
 */
export interface ReadOptions {
    /** Which stored values become 0 to 1. Display; default 'viewer'. */
    display?: Display;
    /**
     * Which window or VOI lookup table of a DICOM file is used, from 0, the windows in the file's order and then the
     * tables; frames without any take 0. Unused with the full range. Default 0.
     */
    window?: number;
    /**
     * Whether pictures that say that they lie on their side or are mirrored (tag 274 of TIFF and EXIF) are turned, and
     * slices of NIfTI files (by sform or qform) as DICOM images of their plane lie. true: yes, false: no; default
     * true.
     */
    applyOrientation?: boolean;
}

/**
 * Options of Context. What is not set has its default.
 *
 * What a context is made from.
 */
export interface ContextOptions {
    /** Where to compute. Device; default 'auto'. */
    device?: Device;
    /** Which of several GPUs, from 0. The CPU has index 0 only. 0 or more; default 0. */
    deviceIndex?: number;
    /** Arithmetic of the network's layers. INT8 is refused where it cannot be computed. Precision; default 'auto'. */
    precision?: Precision;
    /**
     * Directory that holds libtorch's libraries, should libtorch be needed. It must hold libtorch_cpu.so of the
     * version that liblesionlens_torch.so was built with, and where the process has loaded one, that one.
     * liblesionlens_torch.so is looked for here, too, before it is looked for beside this library. libtorch's library
     * for GPUs (libtorch_cuda.so or libtorch_hip.so) is looked for here, then beside the loaded libtorch_cpu.so. null
     * (default): the directory libtorch/lib beside liblesionlens_torch.so, where that was built, or what the process
     * has loaded.
     */
    libtorchDir?: string;
    /**
     * CPU threads of one call. Threads of the library sleep when they have nothing to do; those of libtorch, where it
     * computes on the CPU, wait actively for each other. At most 1024; 0 (default): as many as the process may use
     * (container limits count).
     */
    threads?: number;
    /** Which environment variables are set for the AMD runtime before it is loaded. RocmTuning; default 'auto'. */
    rocmTuning?: RocmTuning;
    /**
     * Upper bound, in bytes, for the memory of training, not counting the libraries themselves: its batches are cut
     * into parts to fit, and decoded images are kept as far as that leaves room. On a GPU it bounds the batches in the
     * GPU's memory and the images in the machine's. 0 (default): what is free at init, a quarter of it at most for
     * images.
     */
    memoryCap?: number | bigint;
    /**
     * Whether the same call with the same seed gives the same bits on the same machine; if not, faster algorithms that
     * do not (on GPUs) are allowed. true: yes, false: no; default true.
     */
    deterministic?: boolean;
    /** Seed of everything random that is not given a seed of its own. Default 0. */
    seed?: number | bigint;
    /**
     * What computes on the CPU. A plan is refused on a GPU (ask for the CPU), with the precisions BF16 and F16, and,
     * as PLAN_AVX2, on a processor without AVX2 and FMA. The precision INT8 needs AUTO or PLAN, on a processor with
     * AVX-512 VNNI. Engine; default 'auto'.
     */
    engine?: Engine;
    /**
     * GPU: share of its memory that the process may take. Set once per process, through PYTORCH_ALLOC_CONF when
     * libtorch's library for GPUs is loaded; what the program that embeds the library or its user set there wins.
     * Above 0 and at most 1, or 0 (default): automatic, 0.85 on AMD, 1 on NVIDIA.
     */
    memoryFraction?: number;
    /**
     * GPU: training gives memory that is not in use back after so many batches, and every fifth epoch; 0: never. 0 or
     * more, or -1 (default): automatic, 100 on AMD, never on NVIDIA.
     */
    emptyCacheEvery?: number;
    /**
     * Whether activations lie pixel by pixel (NHWC), or channel by channel (NCHW). The library's own engine always has
     * the former. Left out: automatic, pixel by pixel.
     */
    channelsLast?: boolean;
    /**
     * NVIDIA: whether products of 32-bit floats may round their factors to TF32. Left out: automatic, on from Ampere
     * on, unless precision is F32.
     */
    tf32?: boolean;
    /**
     * GPU: whether cuDNN or MIOpen times its algorithms for each new shape, which can take seconds. Left out:
     * automatic, on where the GPU is AMD's, unless deterministic, as in the reference pipeline.
     */
    benchmark?: boolean;
    /**
     * Whether the compiled network that a model's file may bring computes its logits. Left out: automatic, on, but not
     * on AMD, as in the reference pipeline, nor where an engine was asked for.
     */
    compiledGraph?: boolean;
    /**
     * Whether calls from several threads compute in turns, batch by batch and in the order they came, or at once. Left
     * out: automatic, on for GPUs, whose memory then holds one batch at a time; on the CPU calls share one pool of
     * threads and run beside each other.
     */
    takeTurns?: boolean;
}

/**
 * Options of Model.classify. What is not set has its default.
 *
 * How to classify.
 */
export interface ClassifyOptions {
    /** Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own. */
    threshold?: number;
    /**
     * Images that go through the network at once. With the library's own engine results do not depend on it; with
     * libtorch beyond rounding. At most 65536; 0 (default): automatic, 32 on the CPU, and on GPUs as many as have 4
     * million pixels.
     */
    batchLimit?: number;
}

/**
 * Options of Model.heatmap. What is not set has its default.
 *
 * How to draw heatmaps. The defaults are the reference pipeline's tiles, on the image as it is, with every pixel
 * covered; the reference pipeline itself is resizeWidth = resizeHeight = 128, edge = reference, all else default.
 */
export interface HeatmapOptions {
    /** How a heatmap is made. HeatmapMethod; default 'tiles'. */
    method?: HeatmapMethod;
    /**
     * Width and height of a tile in pixels of the resampled image. Tiles go into the network at this size, whatever
     * size it was trained at. 32 to 4096; default 64.
     */
    tileSize?: number;
    /**
     * Distance of tiles in pixels of the resampled image, at most tileSize. At most 4096; 0 (default): three quarters
     * of tileSize.
     */
    stride?: number;
    /** Where the last tiles go when the stride does not end at the border. Edge; default 'cover'. */
    edge?: Edge;
    /** How overlapping tiles are weighted where they meet. Blend; default 'mean'. */
    blend?: Blend;
    /**
     * The image is resampled by this factor before tiling. The heatmap has the image's own size all the same. Above 0
     * and at most 16; default 1.
     */
    scale?: number;
    /**
     * Instead of scale: the image is resized to this width before tiling. Give both width and height, and leave scale
     * at 1. At most 65536; 0 (default): by scale.
     */
    resizeWidth?: number;
    /** The height that belongs to resizeWidth. At most 65536; 0 (default): by scale. */
    resizeHeight?: number;
    /**
     * Tiles that go through the network at once; those of different images share a batch. It bounds the memory that
     * the call needs beside the heatmaps. For occlusion a batch holds as many whole images as fit into the pixels of
     * so many tiles, at least one; CAM and Grad-CAM++ take one image at a time. At most 65536; 0 (default): automatic,
     * 64 on the CPU, and on GPUs as many as have 4 million pixels (1024 of 64 x 64).
     */
    batchLimit?: number;
    /** Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own. */
    threshold?: number;
    /** What the heatmap has a value for. HeatmapResolution; default 'image'. */
    resolution?: HeatmapResolution;
}

/**
 * Options of Heatmap.overlay. What is not set has its default.
 *
 * How to draw an overlay. The defaults are the reference pipeline's.
 */
export interface OverlayOptions {
    /** Colours of the overlay. Colormap; default 'inferno'. */
    colormap?: Colormap;
    /** Which values get the lowest and the highest colour. OverlayScale; default 'minmax'. */
    scale?: OverlayScale;
    /** Opacity of the colours: 0 shows the image only, 1 the colours only. 0 to 1; default 0.5. */
    alpha?: number;
    /**
     * Whether a bar of the colours is drawn inside the image at the right edge, half as high as it, with the values of
     * the lowest and the highest colour; without them where the image's shorter side is under 96 pixels. true: yes,
     * false: no; default false.
     */
    colorBar?: boolean;
    /** How many of the hottest tiles are outlined; all when there are no more. Default 0. */
    outlineTiles?: number;
    /**
     * Values of the heatmap (0 to 1, whatever the scale) below this are not coloured: the image alone is seen there. 0
     * colours everything. 0 to 1; default 0.
     */
    hideBelow?: number;
}
