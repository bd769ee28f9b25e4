package org.lesionlens;

import com.sun.jna.Pointer;

/** The progress listener of one call: what it throws must not pass through C, and comes out behind the call. */
final class Watch implements Native.lens_progress_fn {
    private final ProgressListener listener;
    private RuntimeException exception;
    private Error error;

    private Watch(ProgressListener listener) {
        this.listener = listener;
    }

    /** null without a listener: the library then makes no calls back. */
    static Watch of(ProgressListener listener) {
        return listener == null ? null : new Watch(listener);
    }

    @Override
    public int invoke(Pointer address, Pointer userData) {
        if (exception != null || error != null) {
            return 1;
        }
        try {
            Native.lens_progress progress = new Native.lens_progress(address);
            return listener.report(new Progress(
                    Phase.of(progress.phase), progress.done, progress.total, progress.seconds_left)) ? 0 : 1;
        } catch (RuntimeException thrown) {
            exception = thrown;
        } catch (Error thrown) {
            error = thrown;
        }
        return 1;
    }

    /** Throws what the listener threw, else what the status stands for. */
    static void check(Watch watch, int status) {
        if (watch != null && watch.exception != null) {
            throw watch.exception;
        }
        if (watch != null && watch.error != null) {
            throw watch.error;
        }
        LesionlensLibrary.check(status);
    }
}
