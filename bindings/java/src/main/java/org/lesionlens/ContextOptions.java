// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/**
 * Options of Context. What is not set has its default.
 *
 * <p>What a context is made from.
 */
public final class ContextOptions {
    private Device device;
    private Integer deviceIndex;
    private Precision precision;
    private String libtorchDir;
    private Integer threads;
    private RocmTuning rocmTuning;
    private Long memoryCap;
    private Boolean deterministic;
    private Long seed;
    private LogLevel logLevel;
    private Engine engine;
    private Double memoryFraction;
    private Integer emptyCacheEvery;
    private Boolean channelsLast;
    private Boolean tf32;
    private Boolean benchmark;
    private Boolean compiledGraph;
    private Boolean takeTurns;
    LogListener log;

    /** Where to compute. Device; default Device.AUTO. */
    public ContextOptions device(Device device) {
        this.device = device;
        return this;
    }

    /** Which of several GPUs, from 0. The CPU has index 0 only. 0 or more; default 0. */
    public ContextOptions deviceIndex(int deviceIndex) {
        this.deviceIndex = deviceIndex;
        return this;
    }

    /**
     * Arithmetic of the network's layers. INT8 is refused where it cannot be computed. Precision; default
     * Precision.AUTO.
     */
    public ContextOptions precision(Precision precision) {
        this.precision = precision;
        return this;
    }

    /**
     * Directory that holds libtorch's libraries, should libtorch be needed. It must hold libtorch_cpu.so of the
     * version that liblesionlens_torch.so was built with, and where the process has loaded one, that one.
     * liblesionlens_torch.so is looked for here, too, before it is looked for beside this library. libtorch's library
     * for GPUs (libtorch_cuda.so or libtorch_hip.so) is looked for here, then beside the loaded libtorch_cpu.so. null
     * (default): the directory libtorch/lib beside liblesionlens_torch.so, where that was built, or what the process
     * has loaded.
     */
    public ContextOptions libtorchDir(String libtorchDir) {
        this.libtorchDir = libtorchDir;
        return this;
    }

    /**
     * CPU threads of one call. Threads of the library sleep when they have nothing to do; those of libtorch, where it
     * computes on the CPU, wait actively for each other. At most 1024; 0 (default): as many as the process may use
     * (container limits count).
     */
    public ContextOptions threads(int threads) {
        this.threads = Arguments.notNegative("threads", threads);
        return this;
    }

    /**
     * Which environment variables are set for the AMD runtime before it is loaded. RocmTuning; default
     * RocmTuning.AUTO.
     */
    public ContextOptions rocmTuning(RocmTuning rocmTuning) {
        this.rocmTuning = rocmTuning;
        return this;
    }

    /**
     * Upper bound, in bytes, for the memory of training, not counting the libraries themselves: its batches are cut
     * into parts to fit, and decoded images are kept as far as that leaves room. On a GPU it bounds the batches in the
     * GPU's memory and the images in the machine's. 0 (default): what is free at init, a quarter of it at most for
     * images.
     */
    public ContextOptions memoryCap(long memoryCap) {
        this.memoryCap = Arguments.notNegative("memoryCap", memoryCap);
        return this;
    }

    /**
     * Whether the same call with the same seed gives the same bits on the same machine; if not, faster algorithms that
     * do not (on GPUs) are allowed. true: yes, false: no; default true.
     */
    public ContextOptions deterministic(boolean deterministic) {
        this.deterministic = deterministic;
        return this;
    }

    /** Seed of everything random that is not given a seed of its own. Default 0. */
    public ContextOptions seed(long seed) {
        this.seed = Arguments.notNegative("seed", seed);
        return this;
    }

    /** How much the log callback is told. LogLevel; default LogLevel.WARNING. */
    public ContextOptions logLevel(LogLevel logLevel) {
        this.logLevel = logLevel;
        return this;
    }

    /**
     * What computes on the CPU. A plan is refused on a GPU (ask for the CPU), with the precisions BF16 and F16, and,
     * as PLAN_AVX2, on a processor without AVX2 and FMA. The precision INT8 needs AUTO or PLAN, on a processor with
     * AVX-512 VNNI. Engine; default Engine.AUTO.
     */
    public ContextOptions engine(Engine engine) {
        this.engine = engine;
        return this;
    }

    /**
     * GPU: share of its memory that the process may take. Set once per process, through PYTORCH_ALLOC_CONF when
     * libtorch's library for GPUs is loaded; what the program that embeds the library or its user set there wins.
     * Above 0 and at most 1, or 0 (default): automatic, 0.85 on AMD, 1 on NVIDIA.
     */
    public ContextOptions memoryFraction(double memoryFraction) {
        this.memoryFraction = memoryFraction;
        return this;
    }

    /**
     * GPU: training gives memory that is not in use back after so many batches, and every fifth epoch; 0: never. 0 or
     * more, or -1 (default): automatic, 100 on AMD, never on NVIDIA.
     */
    public ContextOptions emptyCacheEvery(int emptyCacheEvery) {
        this.emptyCacheEvery = emptyCacheEvery;
        return this;
    }

    /**
     * Whether activations lie pixel by pixel (NHWC), or channel by channel (NCHW). The library's own engine always has
     * the former. Left out: automatic, pixel by pixel.
     */
    public ContextOptions channelsLast(boolean channelsLast) {
        this.channelsLast = channelsLast;
        return this;
    }

    /**
     * NVIDIA: whether products of 32-bit floats may round their factors to TF32. Left out: automatic, on from Ampere
     * on, unless precision is F32.
     */
    public ContextOptions tf32(boolean tf32) {
        this.tf32 = tf32;
        return this;
    }

    /**
     * GPU: whether cuDNN or MIOpen times its algorithms for each new shape, which can take seconds. Left out:
     * automatic, on where the GPU is AMD's, unless deterministic, as in the reference pipeline.
     */
    public ContextOptions benchmark(boolean benchmark) {
        this.benchmark = benchmark;
        return this;
    }

    /**
     * Whether the compiled network that a model's file may bring computes its logits. Left out: automatic, on, but not
     * on AMD, as in the reference pipeline, nor where an engine was asked for.
     */
    public ContextOptions compiledGraph(boolean compiledGraph) {
        this.compiledGraph = compiledGraph;
        return this;
    }

    /**
     * Whether calls from several threads compute in turns, batch by batch and in the order they came, or at once. Left
     * out: automatic, on for GPUs, whose memory then holds one batch at a time; on the CPU calls share one pool of
     * threads and run beside each other.
     */
    public ContextOptions takeTurns(boolean takeTurns) {
        this.takeTurns = takeTurns;
        return this;
    }

    /** Receives log messages, from any thread that calls the library, also that of models; default null: nobody. */
    public ContextOptions log(LogListener log) {
        this.log = log;
        return this;
    }

    Native.lens_init_options fill() {
        Native.lens_init_options options = new Native.lens_init_options();
        LesionlensLibrary.library().lens_init_options_init(options);
        if (device != null) {
            options.device = device.value;
        }
        if (deviceIndex != null) {
            options.device_index = deviceIndex;
        }
        if (precision != null) {
            options.precision = precision.value;
        }
        if (libtorchDir != null) {
            options.libtorch_dir = Arguments.memory("libtorchDir", libtorchDir);
        }
        if (threads != null) {
            options.threads = threads;
        }
        if (rocmTuning != null) {
            options.rocm_tuning = rocmTuning.value;
        }
        if (memoryCap != null) {
            options.memory_cap = memoryCap;
        }
        if (deterministic != null) {
            options.deterministic = deterministic ? 1 : 0;
        }
        if (seed != null) {
            options.seed = seed;
        }
        if (logLevel != null) {
            options.log_level = logLevel.value;
        }
        if (engine != null) {
            options.engine = engine.value;
        }
        if (memoryFraction != null) {
            options.memory_fraction = memoryFraction;
        }
        if (emptyCacheEvery != null) {
            options.empty_cache_every = emptyCacheEvery;
        }
        if (channelsLast != null) {
            options.channels_last = channelsLast ? 1 : 0;
        }
        if (tf32 != null) {
            options.tf32 = tf32 ? 1 : 0;
        }
        if (benchmark != null) {
            options.benchmark = benchmark ? 1 : 0;
        }
        if (compiledGraph != null) {
            options.compiled_graph = compiledGraph ? 1 : 0;
        }
        if (takeTurns != null) {
            options.take_turns = takeTurns ? 1 : 0;
        }
        return options;
    }
}
