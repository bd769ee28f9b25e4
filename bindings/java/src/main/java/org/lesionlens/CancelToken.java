package org.lesionlens;

import com.sun.jna.Pointer;
import java.util.function.Function;

/** Stops long calls from another thread. One token may serve several calls. Thread-safe. */
public final class CancelToken extends Handle {
    public CancelToken() {
        super(LesionlensLibrary.handle(LesionlensLibrary.library()::lens_cancel_token_new),
                LesionlensLibrary.library()::lens_cancel_token_free, null);
    }

    /** Asks every call that has the token to stop: each ends within one batch with Status.CANCELLED. */
    public void trigger() {
        LesionlensLibrary.check(use(LesionlensLibrary.library()::lens_cancel_token_trigger));
    }

    /** Makes a triggered token usable again. */
    public void reset() {
        LesionlensLibrary.check(use(LesionlensLibrary.library()::lens_cancel_token_reset));
    }

    /** Calls with the token's address, or with null where there is no token. */
    static <T> T with(CancelToken token, Function<Pointer, T> call) {
        return token == null ? call.apply(null) : token.use(call);
    }
}
