// Generated from include/lesionlens.h by `make bindings`; do not edit.
package org.lesionlens;

/**
 * What computes the network when it classifies, draws heatmaps or evaluates on the CPU. Training does not depend on
 * it. A plan is the network compiled for some instructions, in 32-bit floats; each model's is checked against libtorch
 * on test images when it is needed first, and where it does not give the same, libtorch computes that model and the
 * log callback is told (a warning). Model.describe and reports name what computes: "plan-avx512", "plan-avx2",
 * "plan-portable" or "torch". For one model, size of image and plan, results are the same bits for any batch and any
 * number of threads.
 */
public enum Engine {
    /** The fastest: a plan in f32 where the processor has AVX-512F or AVX2 with FMA, else libtorch. */
    AUTO(0),

    /** libtorch. */
    TORCH(1),

    /** A plan for the widest instructions that the processor has. */
    PLAN(2),

    /** A plan for AVX2 and FMA. */
    PLAN_AVX2(3),

    /** A plan for what every processor has; slow. */
    PLAN_PORTABLE(4);

    final int value;

    Engine(int value) {
        this.value = value;
    }
}
