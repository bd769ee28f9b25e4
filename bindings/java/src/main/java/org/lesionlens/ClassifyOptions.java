// Generated from include/lesionlens.h by `make bindings`; do not edit.
package org.lesionlens;

/** Options of Model.classify. What is not set has its default. */
public final class ClassifyOptions {
    private Float threshold;
    private Integer batchLimit;

    /** Probability from which an image is called positive (greater than), 0 to 1; default -1: the model's own. */
    public ClassifyOptions threshold(float threshold) {
        this.threshold = threshold;
        return this;
    }

    /**
     * Images that go through the network at once, up to 65536; default 0: automatic, 32 on the CPU, and on GPUs as
     * many as have 4 million pixels. Results do not depend on it beyond rounding.
     */
    public ClassifyOptions batchLimit(int batchLimit) {
        this.batchLimit = Arguments.notNegative("batchLimit", batchLimit);
        return this;
    }

    Native.lens_classify_options fill(Native library) {
        Native.lens_classify_options options = new Native.lens_classify_options();
        library.lens_classify_options_init(options);
        if (threshold != null) {
            options.threshold = threshold;
        }
        if (batchLimit != null) {
            options.batch_limit = batchLimit;
        }
        return options;
    }
}
