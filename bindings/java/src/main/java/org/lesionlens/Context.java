package org.lesionlens;

import com.sun.jna.Pointer;
import java.nio.file.Path;
import java.util.Objects;

/** The library set up for a device, precision and number of threads. Thread-safe; models keep it alive. */
public final class Context extends Handle {
    public Context() {
        this(new ContextOptions());
    }

    public Context(ContextOptions options) {
        this(options, callback(Objects.requireNonNull(options, "options").log));
    }

    private Context(ContextOptions options, Native.lens_log_fn log) {
        super(init(options, log), LesionlensLibrary.library()::lens_context_free, log);
    }

    private static Pointer init(ContextOptions choices, Native.lens_log_fn log) {
        Native library = LesionlensLibrary.library();
        Native.lens_init_options options = choices.fill();
        options.abi_version = Native.ABI_VERSION;
        options.log = log;
        return LesionlensLibrary.handle(handle -> library.lens_init(options, handle));
    }

    private static Native.lens_log_fn callback(LogListener log) {
        return log == null ? null : (level, message, userData) -> {
            try {
                log.log(LogLevel.of(level), message.getString(0, "UTF-8"));
            } catch (Throwable thrown) {
                Thread thread = Thread.currentThread();
                thread.getUncaughtExceptionHandler().uncaughtException(thread, thrown);
            }
        };
    }

    /** Loads a model: the formats of lens_model_load() in the C header. */
    public Model loadModel(Path file) {
        byte[] path = Arguments.utf8("file", file.toString());
        Pointer model = use(context ->
                LesionlensLibrary.handle(handle -> LesionlensLibrary.library().lens_model_load(context, path, handle)));
        return new Model(model, keep());
    }

    /** What was found and decided, as JSON: hardware, versions, policy with the reason for each choice. */
    public String describe() {
        return use(context -> LesionlensLibrary.text(
                json -> LesionlensLibrary.library().lens_context_describe(context, json)));
    }
}
