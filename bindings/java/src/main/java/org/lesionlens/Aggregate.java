// Generated from include/lesionlens.h by `make bindings`; do not edit.
package org.lesionlens;

/** What Heatmap.aggregate takes over the maps. */
public enum Aggregate {
    /** The highest value of each pixel and tile: shows what shows in any frame. */
    MAX(0),

    /** The mean: shows what stays. */
    MEAN(1);

    final int value;

    Aggregate(int value) {
        this.value = value;
    }
}
