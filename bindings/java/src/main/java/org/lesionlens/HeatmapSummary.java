package org.lesionlens;

/**
 * The figures of a heatmap.
 *
 * @param width values in a row: the image's width, or with HeatmapResolution.TILES columns
 * @param height rows of values
 * @param mean mean of the values
 * @param maximum highest value
 * @param columns tiles in a row
 * @param rows rows of tiles
 * @param hottestTile index in Heatmap.tiles() of the tile that matters most
 * @param prediction what the heatmap says of the image
 */
public record HeatmapSummary(
        int width, int height, float mean, float maximum, int columns, int rows, int hottestTile,
        Prediction prediction) {
    static HeatmapSummary of(Native.lens_heatmap_summary summary) {
        return new HeatmapSummary(summary.width, summary.height, summary.mean, summary.maximum, summary.columns,
                summary.rows, summary.hottest_tile, Prediction.of(summary.prediction));
    }
}
