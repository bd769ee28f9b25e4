// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/**
 * Options of Model.classify. What is not set has its default.
 *
 * <p>How to classify.
 */
public final class ClassifyOptions {
    private Float threshold;
    private Integer batchLimit;
    ProgressListener progress;
    CancelToken cancel;

    /** Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own. */
    public ClassifyOptions threshold(float threshold) {
        this.threshold = threshold;
        return this;
    }

    /**
     * Images that go through the network at once. With the library's own engine results do not depend on it; with
     * libtorch beyond rounding. At most 65536; 0 (default): automatic, 32 on the CPU, and on GPUs as many as have 4
     * million pixels.
     */
    public ClassifyOptions batchLimit(int batchLimit) {
        this.batchLimit = Arguments.notNegative("batchLimit", batchLimit);
        return this;
    }

    /** Told about once a batch how far the call is; default null: nobody. */
    public ClassifyOptions progress(ProgressListener progress) {
        this.progress = progress;
        return this;
    }

    /** Stops the call from any thread; default null: nothing does. */
    public ClassifyOptions cancel(CancelToken cancel) {
        this.cancel = cancel;
        return this;
    }

    Native.lens_classify_options fill() {
        Native.lens_classify_options options = new Native.lens_classify_options();
        LesionlensLibrary.library().lens_classify_options_init(options);
        if (threshold != null) {
            options.threshold = threshold;
        }
        if (batchLimit != null) {
            options.batch_limit = batchLimit;
        }
        return options;
    }
}
