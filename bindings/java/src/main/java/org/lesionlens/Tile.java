package org.lesionlens;

/**
 * One tile of a heatmap, in pixels of the image.
 *
 * @param x left edge
 * @param y upper edge
 * @param probability what lens_tile.probability of the C header says for the heatmap's method
 * @param logit the network's output that belongs to it
 */
public record Tile(float x, float y, float width, float height, float probability, float logit) {
    static Tile of(Native.lens_tile tile) {
        return new Tile(tile.x, tile.y, tile.width, tile.height, tile.probability, tile.logit);
    }
}
