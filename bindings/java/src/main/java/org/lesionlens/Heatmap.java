package org.lesionlens;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;
import java.util.Arrays;
import java.util.List;

/** A value for every pixel of an image, and the tiles it was made from. Immutable, so thread-safe. */
public final class Heatmap extends Handle {
    private final Native.lens_map_summary summary = new Native.lens_map_summary();

    Heatmap(Pointer address) {
        super(address, Lesionlens.library()::lens_map_free, null);
        Lesionlens.check(Lesionlens.library().lens_map_get_summary(address, summary));
    }

    /** Values in a row: the image's width, or with MapResolution.TILES columns(). */
    public int width() {
        return summary.width;
    }

    /** Rows of values. */
    public int height() {
        return summary.height;
    }

    /** Mean of the map. */
    public float mean() {
        return summary.mean;
    }

    /** Highest value of the map. */
    public float maximum() {
        return summary.maximum;
    }

    /** Tiles in a row. */
    public int columns() {
        return summary.columns;
    }

    /** Rows of tiles. */
    public int rows() {
        return summary.rows;
    }

    /** Index in tiles() of the tile that matters most. */
    public int hottestTile() {
        return summary.hottest_tile;
    }

    /** What the map says of the image. */
    public Prediction prediction() {
        return Prediction.of(summary.prediction);
    }

    /** The values, 0 to 1, row by row; a copy. */
    public float[] values() {
        return use(map -> {
            PointerByReference values = new PointerByReference();
            LongByReference count = new LongByReference();
            Lesionlens.check(Lesionlens.library().lens_map_values(map, values, count));
            return values.getValue().getFloatArray(0, Math.toIntExact(count.getValue()));
        });
    }

    /** The tiles, row by row. */
    public List<Tile> tiles() {
        return use(map -> {
            PointerByReference tiles = new PointerByReference();
            LongByReference count = new LongByReference();
            Lesionlens.check(Lesionlens.library().lens_map_tiles(map, tiles, count));
            Native.lens_tile first = new Native.lens_tile(tiles.getValue());
            return Arrays.stream(first.toArray(Math.toIntExact(count.getValue())))
                    .map(tile -> Tile.of((Native.lens_tile) tile)).toList();
        });
    }

    public BufferedImage overlay(BufferedImage image) {
        return overlay(Image.of(image), new OverlayOptions());
    }

    /** The coloured map blended over its image: a BufferedImage of type INT_BGR. */
    public BufferedImage overlay(Image image, OverlayOptions choices) {
        Native.lens_overlay_options options = choices.fill(Lesionlens.library());
        // As large as the map: the library refuses an image of another size.
        long stride = 4L * width();
        return use(map -> {
            try (Views views = new Views(List.of(image)); Memory rgba = new Memory(stride * height())) {
                Lesionlens.check(Lesionlens.library()
                        .lens_map_overlay(map, views.structs()[0], options, rgba, stride));
                // RGBA in memory is what INT_BGR has in a little-endian int, under the alpha that it does not read.
                BufferedImage overlay = new BufferedImage(width(), height(), BufferedImage.TYPE_INT_BGR);
                int[] pixels = ((DataBufferInt) overlay.getRaster().getDataBuffer()).getData();
                rgba.read(0, pixels, 0, pixels.length);
                return overlay;
            }
        });
    }

    /**
     * One heatmap of several, such as those of a cine's frames.
     *
     * @param bestFrame index of the one with the highest probability
     */
    public record Aggregated(Heatmap heatmap, int bestFrame) {}

    /** Makes one heatmap of several of the same size and with the same tiles; these stay as they are. */
    public static Aggregated aggregate(List<Heatmap> heatmaps, Aggregate how) {
        return useAll(Arguments.elements("heatmaps", heatmaps), maps -> {
            LongByReference best = new LongByReference();
            Pointer map = Lesionlens.handle(handle -> Lesionlens.library()
                    .lens_map_aggregate(maps.length == 0 ? null : maps, maps.length, how.value, handle, best));
            return new Aggregated(new Heatmap(map), Math.toIntExact(best.getValue()));
        });
    }
}
