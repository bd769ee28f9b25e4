// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/** What is taken over several maps. */
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
