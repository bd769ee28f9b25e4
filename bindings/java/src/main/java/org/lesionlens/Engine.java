// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/**
 * What computes on the CPU. A plan is the library's own engine, in 32-bit floats (with the precision INT8 in 8-bit
 * integers): when it classifies, draws heatmaps or evaluates, with the network compiled for some instructions; when it
 * trains, with the widest that the processor has. Each model's plan is compared with the network computed layer by
 * layer, on test images, when it is needed first, and where it does not give the same, that reference network computes
 * the model, slowly, and the log is told (a warning). A model's description and reports name what computes. For one
 * model, size of image and plan, results are the same bits for any batch and any number of threads.
 */
public enum Engine {
    /** On the CPU in f32 a plan for the widest instructions; on GPUs and in half precision libtorch. */
    AUTO(0),

    /** libtorch, also for training; needs liblesionlens_torch.so. */
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
