package org.lesionlens;

/**
 * One heatmap of several, such as those of a cine's frames.
 *
 * @param bestFrame index of the one with the highest probability
 */
public record AggregatedHeatmap(Heatmap heatmap, int bestFrame) {}
