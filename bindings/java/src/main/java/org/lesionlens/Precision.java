// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** Arithmetic of the network's layers. Heatmaps are always accumulated in 32-bit floats. */
public enum Precision {
    /** NVIDIA: bf16 from Ampere on, else fp16. AMD: bf16 on CDNA, else fp16. CPU: f32. */
    AUTO(0),

    /** 32-bit floats. */
    F32(1),

    /** bfloat16 with f32 weights. On CPU slower than F32, for trying out what a GPU will do. */
    BF16(2),

    /**
     * IEEE half precision with f32 weights; training scales the loss. On CPU slower than F32, for trying out what a
     * GPU will do.
     */
    F16(3),

    /**
     * 8-bit integers, on CPUs with AVX-512 VNNI: the convolutions but the first, of models that were optimised for it,
     * when they classify; everything else in 32-bit floats, and other models altogether.
     */
    INT8(4);

    final int value;

    Precision(int value) {
        this.value = value;
    }
}
