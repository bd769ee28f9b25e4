// Generated from bindings/interface.json by `make bindings`; do not edit.
package org.lesionlens;

/**
 * Which environment variables are set for the AMD runtime before it is loaded. What the program that embeds the
 * library or its user set wins.
 */
public enum RocmTuning {
    /** Those that are safe for the GPU that is there. */
    AUTO(0),

    /** Exactly the ten values of the reference pipeline. */
    REFERENCE(1),

    /** None. */
    OFF(2);

    final int value;

    RocmTuning(int value) {
        this.value = value;
    }
}
