// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** Where to compute. */
public enum Device {
    /**
     * The first that works: an NVIDIA GPU, an AMD GPU that libtorch has kernels for, the CPU. The choice and its
     * reason, with why others were passed over, are in the context's description; a GPU that was tried and does not
     * work is a warning in the log.
     */
    AUTO(0),

    /** The CPU. */
    CPU(1),

    /** An NVIDIA GPU. */
    CUDA(2),

    /** An AMD GPU. */
    ROCM(3);

    final int value;

    Device(int value) {
        this.value = value;
    }
}
