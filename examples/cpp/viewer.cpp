// What a viewer does with one image: classify it, draw where the model looks, and write the overlay as PNG.
//
// The same work twice, as a program with exceptions writes it and as one built with -fno-exceptions does:
// lesionlens.hpp throws in the first, and returns Results in the second.
#include <lesionlens.hpp>

#include <cstdio>
#include <cstdlib>

namespace {

struct Paths {
    const char* model;
    const char* image;
    const char* overlay;
};

void print(const lens_prediction& prediction, const lens_heatmap_summary& heatmap, const lens_tile& hottest) {
    std::printf("probability %.3f: %s (threshold %.3f)\n", static_cast<double>(prediction.probability),
                prediction.label != 0 ? "positive" : "negative", static_cast<double>(prediction.threshold));
    std::printf("heatmap %u x %u, hottest tile at %.0f, %.0f: %.3f\n", heatmap.width, heatmap.height,
                static_cast<double>(hottest.x), static_cast<double>(hottest.y),
                static_cast<double>(hottest.probability));
}

int failed(const lesionlens::Error& error) {
    std::fprintf(stderr, "viewer: %s: %s\n", error.status_name(), error.what());
    return EXIT_FAILURE;
}

// A progress callable, called between batches on this thread; false would stop the call.
bool show_progress(const lens_progress& progress) {
    std::fprintf(stderr, "\r%llu of %llu tiles", static_cast<unsigned long long>(progress.done),
                 static_cast<unsigned long long>(progress.total));
    return true;
}

lens_heatmap_options heatmap_options() {
    auto options = lesionlens::heatmap_options();
    options.tile_size = 64;
    options.stride = 32;
    return options;
}

lens_overlay_options overlay_options() {
    auto options = lesionlens::overlay_options();
    options.outline_tiles = 1;
    return options;
}

#if defined(__cpp_exceptions)

void show(const Paths& paths) {
    const lesionlens::Context context;
    const lesionlens::Model model = context.load_model(paths.model);
    const lesionlens::ImageFile file(paths.image);
    const lens_image image = file.view();  // or lesionlens::image() over pixels of your own

    const lens_prediction prediction = model.classify(image);
    unsigned reports = 0;
    const lesionlens::Heatmap heatmap = model.heatmap(image, heatmap_options(), [&](const lens_progress& progress) {
        ++reports;
        return show_progress(progress);
    });
    std::fprintf(stderr, ", in %u reports\n", reports);

    const lens_heatmap_summary summary = heatmap.summary();
    print(prediction, summary, heatmap.tiles()[summary.hottest_tile]);
    const std::vector<std::uint8_t> rgba = heatmap.overlay(image, overlay_options());
    lesionlens::write_png(paths.overlay,
                          lesionlens::image(rgba.data(), summary.width, summary.height, LENS_PIXEL_FORMAT_RGBA8));
}

int run(const Paths& paths) {
    try {
        show(paths);
    } catch (const lesionlens::Error& error) {
        return failed(error);
    }
    return EXIT_SUCCESS;
}

#else

int run(const Paths& paths) {
    const auto context = lesionlens::Context::create();
    if (!context) return failed(context.error());
    const auto model = context->load_model(paths.model);
    if (!model) return failed(model.error());
    const auto file = lesionlens::ImageFile::load(paths.image);
    if (!file) return failed(file.error());
    const auto image = file->view();  // or lesionlens::image() over pixels of your own
    if (!image) return failed(image.error());

    const auto prediction = model->classify(*image);
    if (!prediction) return failed(prediction.error());
    unsigned reports = 0;
    const auto heatmap = model->heatmap(*image, heatmap_options(), [&](const lens_progress& progress) {
        ++reports;
        return show_progress(progress);
    });
    if (!heatmap) return failed(heatmap.error());
    std::fprintf(stderr, ", in %u reports\n", reports);

    const auto summary = heatmap->summary();
    if (!summary) return failed(summary.error());
    const auto tiles = heatmap->tiles();
    if (!tiles) return failed(tiles.error());
    print(*prediction, *summary, (*tiles)[summary->hottest_tile]);
    const auto rgba = heatmap->overlay(*image, overlay_options());
    if (!rgba) return failed(rgba.error());
    const auto written = lesionlens::write_png(
        paths.overlay, lesionlens::image(rgba->data(), summary->width, summary->height, LENS_PIXEL_FORMAT_RGBA8));
    if (!written) return failed(written.error());
    return EXIT_SUCCESS;
}

#endif

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        std::fprintf(stderr, "usage: viewer MODEL IMAGE OVERLAY.png\n");
        return 2;
    }
    return run({argv[1], argv[2], argv[3]});
}
