package org.lesionlens;

/** Told about once a batch how far a call is, on the thread that made the call. */
@FunctionalInterface
public interface ProgressListener {
    /**
     * False stops the call with Status.CANCELLED. What it throws stops the call too, and comes out of it.
     */
    boolean report(Progress progress);
}
