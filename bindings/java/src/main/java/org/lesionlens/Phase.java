// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** Phase of a long call. */
public enum Phase {
    /** Reading and decoding images; done and total count images. */
    LOAD(0),

    /** Training; done and total count samples of the epoch. */
    TRAIN(1),

    /** Validating after an epoch; done and total count samples. */
    VALIDATE(2),

    /** Classifying; done and total count images. */
    CLASSIFY(3),

    /**
     * Drawing heatmaps; done and total count what goes through the network over all images of the call: tiles, or
     * images.
     */
    HEATMAP(4),

    /** Evaluating, calibrating or localising, or measuring activations for 8 bits; done and total count images. */
    EVALUATE(5);

    final int value;

    Phase(int value) {
        this.value = value;
    }

    /** The constant of a number; null for one that only a newer library has. */
    static Phase of(int value) {
        for (Phase one : values()) {
            if (one.value == value) {
                return one;
            }
        }
        return null;
    }
}
