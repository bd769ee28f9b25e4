package org.lesionlens;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToIntFunction;

/** The loaded library. */
public final class LesionlensLibrary {
    /** System property with the path of liblesionlens.so. */
    public static final String PROPERTY = "lesionlens.library";
    /** Environment variable with the path of liblesionlens.so; the system property wins. */
    public static final String ENVIRONMENT = "LESIONLENS_LIBRARY";

    private static final String HOW_TO_SET =
            "set the system property " + PROPERTY + " or the environment variable " + ENVIRONMENT
                    + " to the path of liblesionlens.so";
    private static Native loaded;

    private LesionlensLibrary() {}

    /** The library's version, "major.minor.patch". */
    public static String version() {
        return library().lens_version().getString(0, "UTF-8");
    }

    /** Not in a static initializer: its error would come once, and without its message afterwards. */
    static synchronized Native library() {
        if (loaded == null) {
            loaded = load();
        }
        return loaded;
    }

    private static Native load() {
        // JNA has no type for size_t, which is a long in these declarations.
        if (com.sun.jna.Native.SIZE_T_SIZE != Long.BYTES) {
            throw new UnsatisfiedLinkError("lesionlens needs a 64-bit Java");
        }
        List<String> failures = new ArrayList<>();
        for (String candidate : candidates()) {
            Native library;
            try {
                library = com.sun.jna.Native.load(candidate, Native.class);
            } catch (UnsatisfiedLinkError error) {
                failures.add(candidate + " (" + String.valueOf(error.getMessage()).split("\n")[0] + ")");
                continue;
            }
            int found = library.lens_abi_version();
            if (found != Native.ABI_VERSION) {
                throw new UnsatisfiedLinkError(candidate + " has ABI version " + Integer.toUnsignedString(found)
                        + ", these classes are for " + Native.ABI_VERSION + ": install both from the same release");
            }
            return library;
        }
        throw new UnsatisfiedLinkError(
                "liblesionlens.so cannot be loaded; tried: " + String.join("; ", failures) + "; " + HOW_TO_SET);
    }

    /** What somebody named, and that alone; else where JNA and the system look for libraries. */
    private static List<String> candidates() {
        String named = System.getProperty(PROPERTY, System.getenv(ENVIRONMENT));
        if (named != null && !named.isEmpty()) {
            return List.of(new File(named).getAbsolutePath());
        }
        return List.of("lesionlens", "liblesionlens.so.0");
    }

    /** Throws what a status stands for; on the thread that made the call, for the message is the thread's. */
    static void check(int status) {
        if (status != Status.OK.value) {
            String message = library().lens_last_error().getString(0, "UTF-8");
            String name = library().lens_status_name(status).getString(0, "UTF-8");
            throw new LesionlensException(Status.of(status), name, message);
        }
    }

    /** The handle that a call hands out. */
    static Pointer handle(ToIntFunction<PointerByReference> call) {
        PointerByReference handle = new PointerByReference();
        check(call.applyAsInt(handle));
        return handle.getValue();
    }

    /** The text that a call hands out, which is freed. */
    static String text(ToIntFunction<PointerByReference> call) {
        Pointer text = handle(call);
        try {
            return text.getString(0, "UTF-8");
        } finally {
            library().lens_string_free(text);
        }
    }

    /** A constant that came from the library, which may be newer and have more; null: it does. */
    static <T> T known(T constant, String what, int value) {
        if (constant == null) {
            throw new UnsupportedOperationException(what + " " + value);
        }
        return constant;
    }
}
