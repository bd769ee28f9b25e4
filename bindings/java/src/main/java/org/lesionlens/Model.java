package org.lesionlens;

import com.sun.jna.Pointer;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A trained classifier. Immutable, so thread-safe: any number of threads may classify with it at once. Keeps what it
 * needs of its context. One image gives one result, a list of images a list of results in the same order.
 */
public final class Model extends Handle {
    /** keep: the log callback of the context, which the model calls too. */
    Model(Pointer address, Object keep) {
        super(address, LesionlensLibrary.library()::lens_model_free, keep);
    }

    /** How image files should be read for it. */
    public ReadOptions readOptions() {
        return use(model -> {
            Native.lens_read_options found = new Native.lens_read_options();
            LesionlensLibrary.check(LesionlensLibrary.library().lens_model_get_read_options(model, found));
            Display display = LesionlensLibrary.known(Display.of(found.display), "display", found.display);
            return new ReadOptions().display(display).window(found.window)
                    .applyOrientation(found.apply_orientation == 1);
        });
    }

    public Prediction classify(BufferedImage image) {
        return classify(Image.of(image));
    }

    public Prediction classify(BufferedImage image, ClassifyOptions options) {
        return classify(Image.of(image), options);
    }

    public Prediction classify(Image image) {
        return classify(image, new ClassifyOptions());
    }

    public Prediction classify(Image image, ClassifyOptions options) {
        return classify(List.of(Objects.requireNonNull(image, "image")), options).get(0);
    }

    public List<Prediction> classify(List<Image> images) {
        return classify(images, new ClassifyOptions());
    }

    /** Classifies images; the predictions are in their order. */
    public List<Prediction> classify(List<Image> images, ClassifyOptions options) {
        List<Image> taken = Arguments.elements("images", images);
        Native.lens_classify_options choices = Objects.requireNonNull(options, "options").fill();
        Watch watch = Watch.of(options.progress);
        choices.progress = watch;
        return use(model -> CancelToken.with(options.cancel, token -> {
            choices.cancel = token;
            Native.lens_prediction[] predictions = Views.array(new Native.lens_prediction(), taken.size());
            try (Views views = new Views(taken)) {
                Watch.check(watch, LesionlensLibrary.library()
                        .lens_classify(model, views.structs(), taken.size(), choices, predictions));
            }
            return Arrays.stream(predictions).limit(taken.size()).map(Prediction::of).toList();
        }));
    }

    public Heatmap heatmap(BufferedImage image) {
        return heatmap(Image.of(image));
    }

    public Heatmap heatmap(BufferedImage image, HeatmapOptions options) {
        return heatmap(Image.of(image), options);
    }

    public Heatmap heatmap(Image image) {
        return heatmap(image, new HeatmapOptions());
    }

    /** Draws the heatmap of one image. */
    public Heatmap heatmap(Image image, HeatmapOptions options) {
        return heatmaps(List.of(Objects.requireNonNull(image, "image")), options).get(0);
    }

    public List<Heatmap> heatmaps(List<Image> images) {
        return heatmaps(images, new HeatmapOptions());
    }

    /** Draws a heatmap of each image, such as the frames of a cine; their tiles share batches. */
    public List<Heatmap> heatmaps(List<Image> images, HeatmapOptions options) {
        List<Image> taken = Arguments.elements("images", images);
        Native.lens_heatmap_options choices = Objects.requireNonNull(options, "options").fill();
        Watch watch = Watch.of(options.progress);
        choices.progress = watch;
        return use(model -> CancelToken.with(options.cancel, token -> {
            choices.cancel = token;
            Pointer[] heatmaps = new Pointer[Math.max(1, taken.size())];
            try (Views views = new Views(taken)) {
                Watch.check(watch, LesionlensLibrary.library()
                        .lens_heatmap_compute(model, views.structs(), taken.size(), choices, heatmaps));
            }
            return Arrays.stream(heatmaps).limit(taken.size()).map(Heatmap::new).toList();
        }));
    }

    /** As JSON: architecture, SHA-256 of the weights, preprocessing, temperature, threshold, engine, training. */
    public String describe() {
        return use(model -> LesionlensLibrary.text(
                json -> LesionlensLibrary.library().lens_model_describe(model, json)));
    }
}
