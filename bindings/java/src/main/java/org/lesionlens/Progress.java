package org.lesionlens;

/**
 * How far a call is.
 *
 * @param phase what is being done; null for what only a newer library does
 * @param done items of this phase done so far
 * @param total items of this phase in all
 * @param secondsLeft estimated until the whole call is done; negative while unknown
 */
public record Progress(Phase phase, long done, long total, double secondsLeft) {}
