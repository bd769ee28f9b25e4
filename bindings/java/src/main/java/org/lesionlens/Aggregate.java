// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** What is taken over several heatmaps. */
public enum Aggregate {
    /** The highest value of each pixel and tile: keeps findings of single frames. */
    MAX(0),

    /** The mean: keeps findings that persist. */
    MEAN(1);

    final int value;

    Aggregate(int value) {
        this.value = value;
    }
}
