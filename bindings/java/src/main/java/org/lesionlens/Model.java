package org.lesionlens;

import com.sun.jna.Pointer;
import java.awt.image.BufferedImage;
import java.util.Arrays;
import java.util.List;

/**
 * A trained classifier. Immutable, so thread-safe: any number of threads may classify with it at once. Keeps what it
 * needs of its context. A progress listener or cancel token of a call may be null.
 */
public final class Model extends Handle {
    /** keep: the log callback of the context, which the model calls too. */
    Model(Pointer address, Object keep) {
        super(address, Lesionlens.library()::lens_model_free, keep);
    }

    public Prediction classify(BufferedImage image) {
        return classify(Image.of(image));
    }

    public Prediction classify(Image image) {
        return classify(List.of(image), new ClassifyOptions(), null, null).get(0);
    }

    /** Classifies images; the predictions are in their order. */
    public List<Prediction> classify(
            List<Image> images, ClassifyOptions choices, ProgressListener progress, CancelToken cancel) {
        List<Image> taken = Arguments.elements("images", images);
        Native.lens_classify_options options = choices.fill(Lesionlens.library());
        Watch watch = Watch.of(progress);
        options.progress = watch;
        return use(model -> CancelToken.with(cancel, token -> {
            options.cancel = token;
            Native.lens_prediction[] predictions = Views.array(new Native.lens_prediction(), taken.size());
            try (Views views = new Views(taken)) {
                Watch.check(watch, Lesionlens.library()
                        .lens_classify(model, views.structs(), taken.size(), options, predictions));
            }
            return Arrays.stream(predictions).limit(taken.size()).map(Prediction::of).toList();
        }));
    }

    public Heatmap heatmap(BufferedImage image) {
        return heatmap(Image.of(image), new HeatmapOptions());
    }

    public Heatmap heatmap(Image image, HeatmapOptions options) {
        return heatmaps(List.of(image), options, null, null).get(0);
    }

    /** Draws a heatmap of each image, such as the frames of a cine. */
    public List<Heatmap> heatmaps(
            List<Image> images, HeatmapOptions choices, ProgressListener progress, CancelToken cancel) {
        List<Image> taken = Arguments.elements("images", images);
        Native.lens_heatmap_options options = choices.fill(Lesionlens.library());
        Watch watch = Watch.of(progress);
        options.progress = watch;
        return use(model -> CancelToken.with(cancel, token -> {
            options.cancel = token;
            Pointer[] maps = new Pointer[Math.max(1, taken.size())];
            try (Views views = new Views(taken)) {
                Watch.check(watch, Lesionlens.library()
                        .lens_heatmap(model, views.structs(), taken.size(), options, maps));
            }
            return Arrays.stream(maps).limit(taken.size()).map(Heatmap::new).toList();
        }));
    }

    /** As JSON: architecture, SHA-256 of the weights, preprocessing, temperature, threshold, engine, training. */
    public String describe() {
        return use(model -> Lesionlens.text(json -> Lesionlens.library().lens_model_describe(model, json)));
    }
}
