// Generated from bindings/interface.json by `make bindings`; do not edit.
#pragma warning disable 649
using System;
using System.Runtime.InteropServices;

namespace Lesionlens
{
    /// <summary>The library's functions and structs under their C names.</summary>
    internal static class Native
    {
        // By its SONAME: what Lesionlens.Load() loaded from elsewhere is found by this name.
        internal const string Library = "liblesionlens.so.0";
        internal const uint AbiVersion = 0;

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr lens_version();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern uint lens_abi_version();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr lens_status_name(int status);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr lens_last_error();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void lens_string_free(IntPtr text);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void lens_read_options_init(out lens_read_options options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_image_file_load(byte[] path, uint frame,
            ref lens_read_options options, out IntPtr file);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_image_file_get_view(Handle file, out lens_image image);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_image_file_get_frames(Handle file, out uint frames);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void lens_image_file_free(IntPtr file);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_png_write(byte[] path, ref lens_image image);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_cancel_token_new(out IntPtr token);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_cancel_token_trigger(Handle token);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void lens_cancel_token_free(IntPtr token);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void lens_init_options_init(out lens_init_options options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_init(ref lens_init_options options, out IntPtr context);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_context_describe(Handle context, out IntPtr json);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void lens_context_free(IntPtr context);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_model_load(Handle context, byte[] path, out IntPtr model);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_model_describe(Handle model, out IntPtr json);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_model_get_read_options(Handle model, out lens_read_options options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void lens_model_free(IntPtr model);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void lens_classify_options_init(out lens_classify_options options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_classify(Handle model, lens_image[] images, UIntPtr count,
            ref lens_classify_options options, [Out] lens_prediction[] predictions);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void lens_heatmap_options_init(out lens_heatmap_options options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_heatmap_compute(Handle model, lens_image[] images, UIntPtr count,
            ref lens_heatmap_options options, [Out] IntPtr[] heatmaps);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_heatmap_get_summary(Handle heatmap, out lens_heatmap_summary summary);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_heatmap_get_values(Handle heatmap, out IntPtr values,
            out UIntPtr count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_heatmap_get_tiles(Handle heatmap, out IntPtr tiles,
            out UIntPtr count);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_heatmap_aggregate(IntPtr[] heatmaps, UIntPtr count, int how,
            out IntPtr heatmap, out UIntPtr best_frame);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void lens_heatmap_free(IntPtr heatmap);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void lens_overlay_options_init(out lens_overlay_options options);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int lens_heatmap_overlay(Handle heatmap, ref lens_image image,
            ref lens_overlay_options options, byte[] rgba, UIntPtr stride);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate int lens_progress_fn(IntPtr progress, IntPtr user_data);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        internal delegate void lens_log_fn(int level, IntPtr message, IntPtr user_data);

        [StructLayout(LayoutKind.Sequential)]
        internal struct lens_read_options
        {
            public UIntPtr struct_size;
            public int display;
            public uint window;
            public int apply_orientation;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct lens_image
        {
            public IntPtr pixels;
            public uint width;
            public uint height;
            public UIntPtr row_stride;
            public int format;
            public uint bits_stored;
            public double rescale_slope;
            public double rescale_intercept;
            public double window_center;
            public double window_width;
            public int invert;
            public int window_function;
            public IntPtr lut_values;
            public uint lut_entries;
            public int lut_first;
            public uint lut_bits;
            public uint reserved;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct lens_init_options
        {
            public UIntPtr struct_size;
            public uint abi_version;
            public IntPtr log;
            public IntPtr log_user_data;
            public int device;
            public int device_index;
            public int precision;
            public IntPtr libtorch_dir;
            public uint threads;
            public int rocm_tuning;
            public ulong memory_cap;
            public int deterministic;
            public ulong seed;
            public int log_level;
            public int engine;
            public double memory_fraction;
            public int empty_cache_every;
            public int channels_last;
            public int tf32;
            public int benchmark;
            public int compiled_graph;
            public int take_turns;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct lens_progress
        {
            public UIntPtr struct_size;
            public int phase;
            public uint epoch;
            public uint epochs;
            public ulong done;
            public ulong total;
            public double loss;
            public double metric;
            public double seconds_left;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct lens_classify_options
        {
            public UIntPtr struct_size;
            public IntPtr progress;
            public IntPtr progress_user_data;
            public IntPtr cancel;
            public float threshold;
            public uint batch_limit;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct lens_prediction
        {
            public float probability;
            public float logit;
            public int label;
            public float threshold;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct lens_heatmap_options
        {
            public UIntPtr struct_size;
            public IntPtr progress;
            public IntPtr progress_user_data;
            public IntPtr cancel;
            public int method;
            public uint tile_size;
            public uint stride;
            public int edge;
            public int blend;
            public double scale;
            public uint resize_width;
            public uint resize_height;
            public uint batch_limit;
            public float threshold;
            public int resolution;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct lens_heatmap_summary
        {
            public uint width;
            public uint height;
            public float mean;
            public float maximum;
            public uint columns;
            public uint rows;
            public uint hottest_tile;
            public lens_prediction prediction;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct lens_tile
        {
            public float x;
            public float y;
            public float width;
            public float height;
            public float probability;
            public float logit;
        }

        [StructLayout(LayoutKind.Sequential)]
        internal struct lens_overlay_options
        {
            public UIntPtr struct_size;
            public int colormap;
            public int scale;
            public float alpha;
            public int color_bar;
            public uint outline_tiles;
            public float hide_below;
        }
    }

    /// <summary>Result of a call. Numbers are never reused.</summary>
    public enum Status
    {
        /// <summary>The call did what it says; its results are in the out parameters.</summary>
        Ok = 0,
        /// <summary>An argument is wrong (null, out of range, malformed); nothing was changed.</summary>
        ErrorArgument = 1,
        /// <summary>A file or directory cannot be read or written.</summary>
        ErrorIo = 2,
        /// <summary>A file was read, but it is not what it should be (no image, no model, a broken table).</summary>
        ErrorFormat = 3,
        /// <summary>The asked-for device cannot be used.</summary>
        ErrorDevice = 4,
        /// <summary>Memory ran out: the machine's, or the device's.</summary>
        ErrorOutOfMemory = 5,
        /// <summary>The data set cannot serve the purpose (empty, one class only, ...).</summary>
        ErrorData = 6,
        /// <summary>Header, library or libtorch do not belong together.</summary>
        ErrorVersion = 7,
        /// <summary>This version of the library cannot do that.</summary>
        ErrorUnsupported = 8,
        /// <summary>
        /// A defect in the library, or in libtorch where that computes; the message carries what was caught.
        /// </summary>
        ErrorInternal = 9,
        /// <summary>The progress callback or the cancel token stopped the call; nothing half-written is left.</summary>
        Cancelled = 10,
    }

    /// <summary>Which stored values of gray images become 0 to 1.</summary>
    public enum Display
    {
        /// <summary>
        /// As a viewer shows it: the file's window or lookup table, or, of more than 8 bits without one, from the
        /// smallest to the largest value of the frame.
        /// </summary>
        Viewer = 0,
        /// <summary>
        /// All values that the stored bits can have, windows and VOI lookup tables left out; of floats, those of the
        /// frame. So all frames of integers are shown alike.
        /// </summary>
        FullRange = 1,
    }

    /// <summary>
    /// Layout of one pixel. Samples of more than 8 bits are in the machine's byte order and need no alignment.
    /// </summary>
    public enum PixelFormat
    {
        /// <summary>One unsigned 8-bit sample.</summary>
        Gray8 = 0,
        /// <summary>One unsigned 16-bit sample.</summary>
        Gray16 = 1,
        /// <summary>One signed 16-bit sample.</summary>
        GrayS16 = 2,
        /// <summary>One 32-bit float; finite.</summary>
        GrayF32 = 3,
        /// <summary>Red, green, blue, 8 bits each.</summary>
        Rgb8 = 4,
        /// <summary>Blue, green, red, 8 bits each.</summary>
        Bgr8 = 5,
        /// <summary>Red, green, blue, alpha, 8 bits each; alpha is ignored.</summary>
        Rgba8 = 6,
        /// <summary>Blue, green, red, alpha, 8 bits each; alpha is ignored.</summary>
        Bgra8 = 7,
    }

    /// <summary>
    /// How a window turns rescaled values into 0..1, by VOI LUT Function (0028,1056) of PS3.3 C.11.2.1.2 and
    /// C.11.2.1.3.
    /// </summary>
    public enum WindowFunction
    {
        /// <summary>
        /// A line over width - 1 from half a unit below the center; for floats the same as LINEAR_EXACT.
        /// </summary>
        Linear = 0,
        /// <summary>A line over the width around the center.</summary>
        LinearExact = 1,
        /// <summary>1 / (1 + exp(-4 x (value - center) / width)).</summary>
        Sigmoid = 2,
    }

    /// <summary>How important a message is; the log is told messages of a level and of those before it.</summary>
    public enum LogLevel
    {
        /// <summary>A call failed, or cannot go on as it should.</summary>
        Error = 0,
        /// <summary>Something is not as asked for.</summary>
        Warning = 1,
        /// <summary>What was chosen and done.</summary>
        Info = 2,
        /// <summary>Details.</summary>
        Debug = 3,
    }

    /// <summary>Where to compute.</summary>
    public enum Device
    {
        /// <summary>
        /// The first that works: an NVIDIA GPU, an AMD GPU that libtorch has kernels for, the CPU. The choice and its
        /// reason, with why others were passed over, are in the context's description; a GPU that was tried and does
        /// not work is a warning in the log.
        /// </summary>
        Auto = 0,
        /// <summary>The CPU.</summary>
        Cpu = 1,
        /// <summary>An NVIDIA GPU.</summary>
        Cuda = 2,
        /// <summary>An AMD GPU.</summary>
        Rocm = 3,
    }

    /// <summary>Arithmetic of the network's layers. Heatmaps are always accumulated in 32-bit floats.</summary>
    public enum Precision
    {
        /// <summary>NVIDIA: bf16 from Ampere on, else fp16. AMD: bf16 on CDNA, else fp16. CPU: f32.</summary>
        Auto = 0,
        /// <summary>32-bit floats.</summary>
        F32 = 1,
        /// <summary>bfloat16 with f32 weights. On CPU slower than F32, for trying out what a GPU will do.</summary>
        Bf16 = 2,
        /// <summary>
        /// IEEE half precision with f32 weights; training scales the loss. On CPU slower than F32, for trying out what
        /// a GPU will do.
        /// </summary>
        F16 = 3,
        /// <summary>
        /// 8-bit integers, on CPUs with AVX-512 VNNI: the convolutions but the first, of models that were optimised
        /// for it, when they classify; everything else in 32-bit floats, and other models altogether.
        /// </summary>
        Int8 = 4,
    }

    /// <summary>
    /// Which environment variables are set for the AMD runtime before it is loaded. What the program that embeds the
    /// library or its user set wins.
    /// </summary>
    public enum RocmTuning
    {
        /// <summary>Those that are safe for the GPU that is there.</summary>
        Auto = 0,
        /// <summary>Exactly the ten values of the reference pipeline.</summary>
        Reference = 1,
        /// <summary>None.</summary>
        Off = 2,
    }

    /// <summary>
    /// What computes on the CPU. A plan is the library's own engine, in 32-bit floats (with the precision INT8 in
    /// 8-bit integers): when it classifies, draws heatmaps or evaluates, with the network compiled for some
    /// instructions; when it trains, with the widest that the processor has. Each model's plan is compared with the
    /// network computed layer by layer, on test images, when it is needed first, and where it does not give the same,
    /// that reference network computes the model, slowly, and the log is told (a warning). A model's description and
    /// reports name what computes. For one model, size of image and plan, results are the same bits for any batch and
    /// any number of threads.
    /// </summary>
    public enum Engine
    {
        /// <summary>
        /// On the CPU in f32 a plan for the widest instructions; on GPUs and in half precision libtorch.
        /// </summary>
        Auto = 0,
        /// <summary>libtorch, also for training; needs liblesionlens_torch.so.</summary>
        Torch = 1,
        /// <summary>A plan for the widest instructions that the processor has.</summary>
        Plan = 2,
        /// <summary>A plan for AVX2 and FMA.</summary>
        PlanAvx2 = 3,
        /// <summary>A plan for what every processor has; slow.</summary>
        PlanPortable = 4,
    }

    /// <summary>Phase of a long call.</summary>
    public enum Phase
    {
        /// <summary>Reading and decoding images; done and total count images.</summary>
        Load = 0,
        /// <summary>Training; done and total count samples of the epoch.</summary>
        Train = 1,
        /// <summary>Validating after an epoch; done and total count samples.</summary>
        Validate = 2,
        /// <summary>Classifying; done and total count images.</summary>
        Classify = 3,
        /// <summary>
        /// Drawing heatmaps; done and total count what goes through the network over all images of the call: tiles, or
        /// images.
        /// </summary>
        Heatmap = 4,
        /// <summary>
        /// Evaluating, calibrating or localising, or measuring activations for 8 bits; done and total count images.
        /// </summary>
        Evaluate = 5,
    }

    /// <summary>
    /// How a heatmap is made: which question it answers. None of them proves where a lesion is: they show what the
    /// model goes by.
    /// </summary>
    public enum HeatmapMethod
    {
        /// <summary>
        /// Overlapping tiles, each classified by itself: "which parts would be called positive if they were seen
        /// alone?" The sharpest method for models trained on patches of the tile's size; it knows nothing of what is
        /// around a tile.
        /// </summary>
        Tiles = 0,
        /// <summary>
        /// Class activation map (Zhou et al. 2016), one pass over the whole image: "which parts push the whole image's
        /// logit up or down?" Each cell of the network's last feature map (every 32 pixels) adds its share; their mean
        /// is the logit, exactly, for pooling and head are linear. The value is a share through the logistic function:
        /// above 0.5 speaks for the positive class, below 0.5 against it. As cells see far beyond their 32 pixels, it
        /// is coarse.
        /// </summary>
        Cam = 1,
        /// <summary>
        /// Grad-CAM++ (Chattopadhay et al. 2018), one pass over the whole image: "where is the evidence for the
        /// positive class, also when it shows in several places?" Channels that speak against it are left out. Values
        /// are relative to the image's strongest cell, which has 1: they say where, not how much, and cannot be
        /// compared between images; a heatmap without any evidence is 0 everywhere.
        /// </summary>
        GradCamPlusPlus = 2,
        /// <summary>
        /// Occlusion sensitivity (Zeiler and Fergus 2014): "which parts would the probability of the whole image fall
        /// without?" The whole image goes through the network once for each tile, with the tile filled with the
        /// image's mean colour; the value is the fall of the probability, 0 where it does not fall. The slowest
        /// method, and the only one that asks the model as it is used; a finding that shows in two places does not
        /// fall when only one is hidden.
        /// </summary>
        Occlusion = 3,
    }

    /// <summary>Where the last tiles go when the stride does not end at the border.</summary>
    public enum Edge
    {
        /// <summary>A last row and column of tiles flush with the border, so that every pixel is covered.</summary>
        Cover = 0,
        /// <summary>No such tiles; pixels that no tile covers are 0, as in the reference pipeline.</summary>
        Reference = 1,
    }

    /// <summary>How overlapping tiles are weighted where they meet.</summary>
    public enum Blend
    {
        /// <summary>Each tile counts the same in all its pixels, as in the reference pipeline.</summary>
        Mean = 0,
        /// <summary>
        /// A tile counts most in its middle: a Gaussian with a standard deviation of 1/8 of the tile, at least 1/1000
        /// of its peak, as in sliding-window inference of segmentation networks. Smoother heatmaps.
        /// </summary>
        Gaussian = 1,
    }

    /// <summary>What a heatmap has a value for.</summary>
    public enum HeatmapResolution
    {
        /// <summary>Every pixel of the image.</summary>
        Image = 0,
        /// <summary>
        /// Every tile: columns x rows values, for images whose heatmap would be too large. Such a heatmap cannot be
        /// laid over an image; its tiles say where they lie.
        /// </summary>
        Tiles = 1,
    }

    /// <summary>What is taken over several heatmaps.</summary>
    public enum Aggregate
    {
        /// <summary>The highest value of each pixel and tile: keeps findings of single frames.</summary>
        Max = 0,
        /// <summary>The mean: keeps findings that persist.</summary>
        Mean = 1,
    }

    /// <summary>Colours of an overlay, from low to high.</summary>
    public enum Colormap
    {
        /// <summary>Black, purple, orange, yellow; the reference pipeline's overlays.</summary>
        Inferno = 0,
        /// <summary>White to dark red; the reference pipeline's sample sheet.</summary>
        Reds = 1,
        /// <summary>Blue, green, yellow, red.</summary>
        Jet = 2,
        /// <summary>Black to white.</summary>
        Gray = 3,
    }

    /// <summary>Which values get the lowest and the highest colour.</summary>
    public enum OverlayScale
    {
        /// <summary>
        /// The heatmap's own lowest and highest value (a constant heatmap gets the lowest colour): shows where, not
        /// how much.
        /// </summary>
        Minmax = 0,
        /// <summary>0 and 1: shows how much, comparable between images.</summary>
        Absolute = 1,
    }

    /// <summary>
    /// Options of ImageFile.Load. What is not set has its default. How image files are read. A model keeps what it was
    /// trained with, and files that are read for it are read so.
    /// </summary>
    public sealed class ReadOptions
    {
        /// <summary>Which stored values become 0 to 1. Display; default Display.Viewer.</summary>
        public Display? Display { get; set; }

        /// <summary>
        /// Which window or VOI lookup table of a DICOM file is used, from 0, the windows in the file's order and then
        /// the tables; frames without any take 0. Unused with the full range. Default 0.
        /// </summary>
        public int? Window { get; set; }

        /// <summary>
        /// Whether pictures that say that they lie on their side or are mirrored (tag 274 of TIFF and EXIF) are
        /// turned, and slices of NIfTI files (by sform or qform) as DICOM images of their plane lie. true: yes, false:
        /// no; default true.
        /// </summary>
        public bool? ApplyOrientation { get; set; }

        internal Native.lens_read_options Fill(CallMemory memory)
        {
            Native.lens_read_options options;
            Native.lens_read_options_init(out options);
            if (Display != null) options.display = (int)Display.Value;
            if (Window != null) options.window = Arguments.NotNegative(nameof(Window), Window.Value);
            if (ApplyOrientation != null) options.apply_orientation = ApplyOrientation.Value ? 1 : 0;
            return options;
        }
    }

    /// <summary>Options of Context. What is not set has its default. What a context is made from.</summary>
    public sealed class ContextOptions
    {
        /// <summary>Where to compute. Device; default Device.Auto.</summary>
        public Device? Device { get; set; }

        /// <summary>Which of several GPUs, from 0. The CPU has index 0 only. 0 or more; default 0.</summary>
        public int? DeviceIndex { get; set; }

        /// <summary>
        /// Arithmetic of the network's layers. INT8 is refused where it cannot be computed. Precision; default
        /// Precision.Auto.
        /// </summary>
        public Precision? Precision { get; set; }

        /// <summary>
        /// Directory that holds libtorch's libraries, should libtorch be needed. It must hold libtorch_cpu.so of the
        /// version that liblesionlens_torch.so was built with, and where the process has loaded one, that one.
        /// liblesionlens_torch.so is looked for here, too, before it is looked for beside this library. libtorch's
        /// library for GPUs (libtorch_cuda.so or libtorch_hip.so) is looked for here, then beside the loaded
        /// libtorch_cpu.so. null (default): the directory libtorch/lib beside liblesionlens_torch.so, where that was
        /// built, or what the process has loaded.
        /// </summary>
        public string LibtorchDir { get; set; }

        /// <summary>
        /// CPU threads of one call. Threads of the library sleep when they have nothing to do; those of libtorch,
        /// where it computes on the CPU, wait actively for each other. At most 1024; 0 (default): as many as the
        /// process may use (container limits count).
        /// </summary>
        public int? Threads { get; set; }

        /// <summary>
        /// Which environment variables are set for the AMD runtime before it is loaded. RocmTuning; default
        /// RocmTuning.Auto.
        /// </summary>
        public RocmTuning? RocmTuning { get; set; }

        /// <summary>
        /// Upper bound, in bytes, for the memory of training, not counting the libraries themselves: its batches are
        /// cut into parts to fit, and decoded images are kept as far as that leaves room. On a GPU it bounds the
        /// batches in the GPU's memory and the images in the machine's. 0 (default): what is free at init, a quarter
        /// of it at most for images.
        /// </summary>
        public long? MemoryCap { get; set; }

        /// <summary>
        /// Whether the same call with the same seed gives the same bits on the same machine; if not, faster algorithms
        /// that do not (on GPUs) are allowed. true: yes, false: no; default true.
        /// </summary>
        public bool? Deterministic { get; set; }

        /// <summary>Seed of everything random that is not given a seed of its own. Default 0.</summary>
        public long? Seed { get; set; }

        /// <summary>How much the log callback is told. LogLevel; default LogLevel.Warning.</summary>
        public LogLevel? LogLevel { get; set; }

        /// <summary>
        /// What computes on the CPU. A plan is refused on a GPU (ask for the CPU), with the precisions BF16 and F16,
        /// and, as PLAN_AVX2, on a processor without AVX2 and FMA. The precision INT8 needs AUTO or PLAN, on a
        /// processor with AVX-512 VNNI. Engine; default Engine.Auto.
        /// </summary>
        public Engine? Engine { get; set; }

        /// <summary>
        /// GPU: share of its memory that the process may take. Set once per process, through PYTORCH_ALLOC_CONF when
        /// libtorch's library for GPUs is loaded; what the program that embeds the library or its user set there wins.
        /// Above 0 and at most 1, or 0 (default): automatic, 0.85 on AMD, 1 on NVIDIA.
        /// </summary>
        public double? MemoryFraction { get; set; }

        /// <summary>
        /// GPU: training gives memory that is not in use back after so many batches, and every fifth epoch; 0: never.
        /// 0 or more, or -1 (default): automatic, 100 on AMD, never on NVIDIA.
        /// </summary>
        public int? EmptyCacheEvery { get; set; }

        /// <summary>
        /// Whether activations lie pixel by pixel (NHWC), or channel by channel (NCHW). The library's own engine
        /// always has the former. Left out: automatic, pixel by pixel.
        /// </summary>
        public bool? ChannelsLast { get; set; }

        /// <summary>
        /// NVIDIA: whether products of 32-bit floats may round their factors to TF32. Left out: automatic, on from
        /// Ampere on, unless precision is F32.
        /// </summary>
        public bool? Tf32 { get; set; }

        /// <summary>
        /// GPU: whether cuDNN or MIOpen times its algorithms for each new shape, which can take seconds. Left out:
        /// automatic, on where the GPU is AMD's, unless deterministic, as in the reference pipeline.
        /// </summary>
        public bool? Benchmark { get; set; }

        /// <summary>
        /// Whether the compiled network that a model's file may bring computes its logits. Left out: automatic, on,
        /// but not on AMD, as in the reference pipeline, nor where an engine was asked for.
        /// </summary>
        public bool? CompiledGraph { get; set; }

        /// <summary>
        /// Whether calls from several threads compute in turns, batch by batch and in the order they came, or at once.
        /// Left out: automatic, on for GPUs, whose memory then holds one batch at a time; on the CPU calls share one
        /// pool of threads and run beside each other.
        /// </summary>
        public bool? TakeTurns { get; set; }

        internal Native.lens_init_options Fill(CallMemory memory)
        {
            Native.lens_init_options options;
            Native.lens_init_options_init(out options);
            if (Device != null) options.device = (int)Device.Value;
            if (DeviceIndex != null) options.device_index = DeviceIndex.Value;
            if (Precision != null) options.precision = (int)Precision.Value;
            if (LibtorchDir != null) options.libtorch_dir = memory.Text("LibtorchDir", LibtorchDir);
            if (Threads != null) options.threads = Arguments.NotNegative(nameof(Threads), Threads.Value);
            if (RocmTuning != null) options.rocm_tuning = (int)RocmTuning.Value;
            if (MemoryCap != null) options.memory_cap = Arguments.NotNegative(nameof(MemoryCap), MemoryCap.Value);
            if (Deterministic != null) options.deterministic = Deterministic.Value ? 1 : 0;
            if (Seed != null) options.seed = Arguments.NotNegative(nameof(Seed), Seed.Value);
            if (LogLevel != null) options.log_level = (int)LogLevel.Value;
            if (Engine != null) options.engine = (int)Engine.Value;
            if (MemoryFraction != null) options.memory_fraction = MemoryFraction.Value;
            if (EmptyCacheEvery != null) options.empty_cache_every = EmptyCacheEvery.Value;
            if (ChannelsLast != null) options.channels_last = ChannelsLast.Value ? 1 : 0;
            if (Tf32 != null) options.tf32 = Tf32.Value ? 1 : 0;
            if (Benchmark != null) options.benchmark = Benchmark.Value ? 1 : 0;
            if (CompiledGraph != null) options.compiled_graph = CompiledGraph.Value ? 1 : 0;
            if (TakeTurns != null) options.take_turns = TakeTurns.Value ? 1 : 0;
            return options;
        }
    }

    /// <summary>Options of Model.classify. What is not set has its default. How to classify.</summary>
    public sealed class ClassifyOptions
    {
        /// <summary>
        /// Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own.
        /// </summary>
        public float? Threshold { get; set; }

        /// <summary>
        /// Images that go through the network at once. With the library's own engine results do not depend on it; with
        /// libtorch beyond rounding. At most 65536; 0 (default): automatic, 32 on the CPU, and on GPUs as many as have
        /// 4 million pixels.
        /// </summary>
        public int? BatchLimit { get; set; }

        internal Native.lens_classify_options Fill(CallMemory memory)
        {
            Native.lens_classify_options options;
            Native.lens_classify_options_init(out options);
            if (Threshold != null) options.threshold = Threshold.Value;
            if (BatchLimit != null) options.batch_limit = Arguments.NotNegative(nameof(BatchLimit), BatchLimit.Value);
            return options;
        }
    }

    /// <summary>
    /// Options of Model.heatmap. What is not set has its default. How to draw heatmaps. The defaults are the reference
    /// pipeline's tiles, on the image as it is, with every pixel covered; the reference pipeline itself is ResizeWidth
    /// = ResizeHeight = 128, edge = reference, all else default.
    /// </summary>
    public sealed class HeatmapOptions
    {
        /// <summary>How a heatmap is made. HeatmapMethod; default HeatmapMethod.Tiles.</summary>
        public HeatmapMethod? Method { get; set; }

        /// <summary>
        /// Width and height of a tile in pixels of the resampled image. Tiles go into the network at this size,
        /// whatever size it was trained at. 32 to 4096; default 64.
        /// </summary>
        public int? TileSize { get; set; }

        /// <summary>
        /// Distance of tiles in pixels of the resampled image, at most TileSize. At most 4096; 0 (default): three
        /// quarters of TileSize.
        /// </summary>
        public int? Stride { get; set; }

        /// <summary>
        /// Where the last tiles go when the stride does not end at the border. Edge; default Edge.Cover.
        /// </summary>
        public Edge? Edge { get; set; }

        /// <summary>How overlapping tiles are weighted where they meet. Blend; default Blend.Mean.</summary>
        public Blend? Blend { get; set; }

        /// <summary>
        /// The image is resampled by this factor before tiling. The heatmap has the image's own size all the same.
        /// Above 0 and at most 16; default 1.
        /// </summary>
        public double? Scale { get; set; }

        /// <summary>
        /// Instead of scale: the image is resized to this width before tiling. Give both width and height, and leave
        /// scale at 1. At most 65536; 0 (default): by scale.
        /// </summary>
        public int? ResizeWidth { get; set; }

        /// <summary>The height that belongs to ResizeWidth. At most 65536; 0 (default): by scale.</summary>
        public int? ResizeHeight { get; set; }

        /// <summary>
        /// Tiles that go through the network at once; those of different images share a batch. It bounds the memory
        /// that the call needs beside the heatmaps. For occlusion a batch holds as many whole images as fit into the
        /// pixels of so many tiles, at least one; CAM and Grad-CAM++ take one image at a time. At most 65536; 0
        /// (default): automatic, 64 on the CPU, and on GPUs as many as have 4 million pixels (1024 of 64 x 64).
        /// </summary>
        public int? BatchLimit { get; set; }

        /// <summary>
        /// Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own.
        /// </summary>
        public float? Threshold { get; set; }

        /// <summary>What the heatmap has a value for. HeatmapResolution; default HeatmapResolution.Image.</summary>
        public HeatmapResolution? Resolution { get; set; }

        internal Native.lens_heatmap_options Fill(CallMemory memory)
        {
            Native.lens_heatmap_options options;
            Native.lens_heatmap_options_init(out options);
            if (Method != null) options.method = (int)Method.Value;
            if (TileSize != null) options.tile_size = Arguments.NotNegative(nameof(TileSize), TileSize.Value);
            if (Stride != null) options.stride = Arguments.NotNegative(nameof(Stride), Stride.Value);
            if (Edge != null) options.edge = (int)Edge.Value;
            if (Blend != null) options.blend = (int)Blend.Value;
            if (Scale != null) options.scale = Scale.Value;
            if (ResizeWidth != null)
            {
                options.resize_width = Arguments.NotNegative(nameof(ResizeWidth), ResizeWidth.Value);
            }
            if (ResizeHeight != null)
            {
                options.resize_height = Arguments.NotNegative(nameof(ResizeHeight), ResizeHeight.Value);
            }
            if (BatchLimit != null) options.batch_limit = Arguments.NotNegative(nameof(BatchLimit), BatchLimit.Value);
            if (Threshold != null) options.threshold = Threshold.Value;
            if (Resolution != null) options.resolution = (int)Resolution.Value;
            return options;
        }
    }

    /// <summary>
    /// Options of Heatmap.Overlay. What is not set has its default. How to draw an overlay. The defaults are the
    /// reference pipeline's.
    /// </summary>
    public sealed class OverlayOptions
    {
        /// <summary>Colours of the overlay. Colormap; default Colormap.Inferno.</summary>
        public Colormap? Colormap { get; set; }

        /// <summary>
        /// Which values get the lowest and the highest colour. OverlayScale; default OverlayScale.Minmax.
        /// </summary>
        public OverlayScale? Scale { get; set; }

        /// <summary>Opacity of the colours: 0 shows the image only, 1 the colours only. 0 to 1; default 0.5.</summary>
        public float? Alpha { get; set; }

        /// <summary>
        /// Whether a bar of the colours is drawn inside the image at the right edge, half as high as it, with the
        /// values of the lowest and the highest colour; without them where the image's shorter side is under 96
        /// pixels. true: yes, false: no; default false.
        /// </summary>
        public bool? ColorBar { get; set; }

        /// <summary>How many of the hottest tiles are outlined; all when there are no more. Default 0.</summary>
        public int? OutlineTiles { get; set; }

        /// <summary>
        /// Values of the heatmap (0 to 1, whatever the scale) below this are not coloured: the image alone is seen
        /// there. 0 colours everything. 0 to 1; default 0.
        /// </summary>
        public float? HideBelow { get; set; }

        internal Native.lens_overlay_options Fill(CallMemory memory)
        {
            Native.lens_overlay_options options;
            Native.lens_overlay_options_init(out options);
            if (Colormap != null) options.colormap = (int)Colormap.Value;
            if (Scale != null) options.scale = (int)Scale.Value;
            if (Alpha != null) options.alpha = Alpha.Value;
            if (ColorBar != null) options.color_bar = ColorBar.Value ? 1 : 0;
            if (OutlineTiles != null)
            {
                options.outline_tiles = Arguments.NotNegative(nameof(OutlineTiles), OutlineTiles.Value);
            }
            if (HideBelow != null) options.hide_below = HideBelow.Value;
            return options;
        }
    }
}
