package org.lesionlens;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.LongByReference;
import com.sun.jna.ptr.PointerByReference;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferInt;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** A value for every pixel of an image, and the tiles it was made from. Immutable, so thread-safe. */
public final class Heatmap extends Handle {
    private final HeatmapSummary summary;

    Heatmap(Pointer address) {
        super(address, LesionlensLibrary.library()::lens_heatmap_free, null);
        Native.lens_heatmap_summary figures = new Native.lens_heatmap_summary();
        LesionlensLibrary.check(LesionlensLibrary.library().lens_heatmap_get_summary(address, figures));
        summary = HeatmapSummary.of(figures);
    }

    /** Size, mean, highest value, tiles, and what the heatmap says of the image. */
    public HeatmapSummary summary() {
        return summary;
    }

    /** The values, 0 to 1, row by row; a copy. */
    public float[] values() {
        return use(heatmap -> {
            PointerByReference values = new PointerByReference();
            LongByReference count = new LongByReference();
            LesionlensLibrary.check(LesionlensLibrary.library().lens_heatmap_get_values(heatmap, values, count));
            return values.getValue().getFloatArray(0, Math.toIntExact(count.getValue()));
        });
    }

    /** The tiles, row by row. */
    public List<Tile> tiles() {
        return use(heatmap -> {
            PointerByReference tiles = new PointerByReference();
            LongByReference count = new LongByReference();
            LesionlensLibrary.check(LesionlensLibrary.library().lens_heatmap_get_tiles(heatmap, tiles, count));
            Native.lens_tile first = new Native.lens_tile(tiles.getValue());
            return Arrays.stream(first.toArray(Math.toIntExact(count.getValue())))
                    .map(tile -> Tile.of((Native.lens_tile) tile)).toList();
        });
    }

    public BufferedImage overlay(BufferedImage image) {
        return overlay(Image.of(image));
    }

    public BufferedImage overlay(BufferedImage image, OverlayOptions options) {
        return overlay(Image.of(image), options);
    }

    public BufferedImage overlay(Image image) {
        return overlay(image, new OverlayOptions());
    }

    /** The coloured heatmap blended over its image: a BufferedImage of type INT_BGR. */
    public BufferedImage overlay(Image image, OverlayOptions options) {
        Objects.requireNonNull(image, "image");
        Native.lens_overlay_options choices = Objects.requireNonNull(options, "options").fill();
        // As large as the heatmap: the library refuses an image of another size.
        int width = summary.width();
        int height = summary.height();
        long stride = 4L * width;
        return use(heatmap -> {
            try (Views views = new Views(List.of(image)); Memory rgba = new Memory(stride * height)) {
                LesionlensLibrary.check(LesionlensLibrary.library()
                        .lens_heatmap_overlay(heatmap, views.structs()[0], choices, rgba, stride));
                // RGBA in memory is what INT_BGR has in a little-endian int, under the alpha that it does not read.
                BufferedImage overlay = new BufferedImage(width, height, BufferedImage.TYPE_INT_BGR);
                int[] pixels = ((DataBufferInt) overlay.getRaster().getDataBuffer()).getData();
                rgba.read(0, pixels, 0, pixels.length);
                return overlay;
            }
        });
    }

    /** The highest values of several heatmaps, as aggregate(heatmaps, Aggregate.MAX). */
    public static AggregatedHeatmap aggregate(List<Heatmap> heatmaps) {
        return aggregate(heatmaps, Aggregate.MAX);
    }

    /** Makes one heatmap of several of the same size and with the same tiles; these stay as they are. */
    public static AggregatedHeatmap aggregate(List<Heatmap> heatmaps, Aggregate how) {
        Objects.requireNonNull(how, "how");
        return useAll(Arguments.elements("heatmaps", heatmaps), handles -> {
            LongByReference best = new LongByReference();
            Pointer heatmap = LesionlensLibrary.handle(handle -> LesionlensLibrary.library()
                    .lens_heatmap_aggregate(
                            handles.length == 0 ? null : handles, handles.length, how.value, handle, best));
            return new AggregatedHeatmap(new Heatmap(heatmap), Math.toIntExact(best.getValue()));
        });
    }
}
