// Generated from include/lesionlens.h by `make bindings`; do not edit.
package org.lesionlens;

/** Options of Context. What is not set has its default. */
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

    /** Device; default Device.AUTO. */
    public ContextOptions device(Device device) {
        this.device = device;
        return this;
    }

    /** Which of several GPUs, from 0; default 0. The CPU has index 0 only. */
    public ContextOptions deviceIndex(int deviceIndex) {
        this.deviceIndex = deviceIndex;
        return this;
    }

    /**
     * Precision; default Precision.AUTO. Precision.INT8 is refused (Status.ERROR_UNSUPPORTED) where it cannot be
     * computed.
     */
    public ContextOptions precision(Precision precision) {
        this.precision = precision;
        return this;
    }

    /**
     * Directory that holds libtorch's libraries, should libtorch be needed (see Context); default null: the directory
     * libtorch/lib beside liblesionlens_torch.so, where that was built, or what the process has loaded. It must hold
     * libtorch_cpu.so of the version that liblesionlens_torch.so was built with, and where the process has loaded one,
     * that one. liblesionlens_torch.so is looked for here, too, before it is looked for beside this library.
     * libtorch's library for GPUs (libtorch_cuda.so or libtorch_hip.so) is looked for here, then beside the loaded
     * libtorch_cpu.so.
     */
    public ContextOptions libtorchDir(String libtorchDir) {
        this.libtorchDir = libtorchDir;
        return this;
    }

    /**
     * CPU threads of one call, 1 to 1024; default 0: as many as the process may use (container limits count). Threads
     * of the library sleep when they have nothing to do; those of libtorch, where it computes on the CPU, wait
     * actively for each other.
     */
    public ContextOptions threads(int threads) {
        this.threads = Arguments.notNegative("threads", threads);
        return this;
    }

    /** RocmTuning; default RocmTuning.AUTO. */
    public ContextOptions rocmTuning(RocmTuning rocmTuning) {
        this.rocmTuning = rocmTuning;
        return this;
    }

    /**
     * Upper bound, in bytes, for what training may use beside the libraries: its batches are cut into parts to fit,
     * and decoded images are kept as far as that leaves room. On a GPU it bounds the batches in the GPU's memory and
     * the images in the machine's. Default 0: what is free at init, a quarter of it at most for images.
     */
    public ContextOptions memoryCap(long memoryCap) {
        this.memoryCap = Arguments.notNegative("memoryCap", memoryCap);
        return this;
    }

    /**
     * true: the same call with the same seed gives the same bits on the same machine; default true. false allows
     * faster algorithms that do not (on GPUs).
     */
    public ContextOptions deterministic(boolean deterministic) {
        this.deterministic = deterministic;
        return this;
    }

    /** Seed of everything random that is not given a seed of its own; default 0. */
    public ContextOptions seed(long seed) {
        this.seed = Arguments.notNegative("seed", seed);
        return this;
    }

    /** LogLevel; default LogLevel.WARNING. */
    public ContextOptions logLevel(LogLevel logLevel) {
        this.logLevel = logLevel;
        return this;
    }

    /**
     * Engine; default Engine.AUTO. A plan is refused (Status.ERROR_UNSUPPORTED) with a precision other than f32, and
     * PLAN_AVX2 on a processor without.
     */
    public ContextOptions engine(Engine engine) {
        this.engine = engine;
        return this;
    }

    /**
     * GPU: share of its memory that the process may take, above 0 and up to 1; default 0, automatic: 0.85 on AMD, 1 on
     * NVIDIA. Set once per process, through PYTORCH_ALLOC_CONF when libtorch's library for GPUs is loaded; what the
     * host or its user set there wins.
     */
    public ContextOptions memoryFraction(double memoryFraction) {
        this.memoryFraction = memoryFraction;
        return this;
    }

    /**
     * GPU: training gives memory that is not in use back after so many batches, and every fifth epoch; 0: never;
     * default -1, automatic: 100 on AMD, never on NVIDIA.
     */
    public ContextOptions emptyCacheEvery(int emptyCacheEvery) {
        this.emptyCacheEvery = emptyCacheEvery;
        return this;
    }

    /**
     * true: activations lie pixel by pixel (NHWC), false: channel by channel (NCHW); default automatic: true. The
     * library's own engine always has the former.
     */
    public ContextOptions channelsLast(boolean channelsLast) {
        this.channelsLast = channelsLast;
        return this;
    }

    /**
     * NVIDIA: true: products of 32-bit floats may round their factors to TF32, false: not; default automatic: true
     * from Ampere on, unless precision is Precision.F32.
     */
    public ContextOptions tf32(boolean tf32) {
        this.tf32 = tf32;
        return this;
    }

    /**
     * GPU: true: cuDNN or MIOpen times its algorithms for each new shape, which can take seconds, false: not; default
     * -1, automatic: true on AMD when deterministic is false, as in the reference pipeline, and false on NVIDIA.
     */
    public ContextOptions benchmark(boolean benchmark) {
        this.benchmark = benchmark;
        return this;
    }

    /**
     * true: the compiled network that a model's file may bring (see Context.loadModel) computes its logits, false: it
     * is not run; default automatic: true, but false on AMD, as in the reference pipeline, and where engine is not
     * Engine.AUTO.
     */
    public ContextOptions compiledGraph(boolean compiledGraph) {
        this.compiledGraph = compiledGraph;
        return this;
    }

    /**
     * true: calls from several threads compute in turns, batch by batch and in the order they came, false: at once;
     * default -1, automatic: true on GPUs, whose memory then holds one batch at a time, false on the CPU. Plans
     * (Engine.PLAN) share a pool of threads instead.
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
