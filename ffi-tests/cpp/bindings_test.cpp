// The C++ header against the real library: ownership, errors, and the way from training to a report.
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "lesionlens.hpp"

std::string version_from_second_unit();

namespace {

int failures = 0;

#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition)) {                                                          \
            ++failures;                                                              \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
        }                                                                            \
    } while (false)

constexpr std::uint32_t side = 48;

struct Sample {
    std::vector<std::uint8_t> pixels;
    std::int32_t label;
};

// A gray noisy field; a positive one has a bright blob, each at another place.
Sample sample(unsigned index) {
    Sample made{std::vector<std::uint8_t>(side * side), static_cast<std::int32_t>(index % 2)};
    const double centre_x = 14 + index % 5 * 5;
    const double centre_y = 14 + index % 7 * 3;
    unsigned noise = index * 2654435761U + 1;
    for (std::uint32_t y = 0; y < side; ++y) {
        for (std::uint32_t x = 0; x < side; ++x) {
            noise = noise * 1664525U + 1013904223U;
            const double distance = std::hypot(x - centre_x, y - centre_y);
            const double blob = made.label == 1 ? 150 * std::exp(-distance * distance / 50) : 0;
            made.pixels[y * side + x] = static_cast<std::uint8_t>(60 + (noise >> 27) + blob);
        }
    }
    return made;
}

lens_image view(const Sample& made) { return lesionlens::image(made.pixels.data(), side, side); }

lesionlens::Dataset dataset(unsigned first, unsigned count) {
    lesionlens::Dataset made;
    for (unsigned index = first; index < first + count; ++index) {
        const Sample next = sample(index);
        made.add(view(next), next.label, "image " + std::to_string(index));
    }
    return made;
}

lens_train_options tiny_training() {
    auto options = lesionlens::train_options();
    options.epochs = 1;
    options.batch_size = 8;
    options.image_size = 32;
    options.seed = 7;
    return options;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The error of a call that has to fail.
template <typename Call>
lesionlens::Error error_of(const Call& call) {
    try {
        call();
    } catch (const lesionlens::Error& error) {
        return error;
    }
    return {LENS_OK, "nothing was thrown"};
}

struct Stop : std::runtime_error {
    Stop() : std::runtime_error("stop") {}
};

class Bindings {
public:
    Bindings()
        : folder_(temporary_folder()),
          context_(init()),
          model_(context_.train(dataset(0, 24), dataset(24, 8), tiny_training())) {}
    ~Bindings() { std::filesystem::remove_all(folder_); }

    void run() {
        test("the header links from two translation units", [] {
            CHECK(!lesionlens::version().empty());
            CHECK(version_from_second_unit() == lesionlens::version());
            CHECK(lesionlens::abi_version() == LENS_ABI_VERSION);
        });
        test("handles move and do not copy", [this] { moves(); });
        test("an error carries status and message, and the message the value", [this] { errors(); });
        test("a library of another ABI is refused", [] {
            auto options = init();
            options.abi_version = LENS_ABI_VERSION + 41;
            const auto error = error_of([&] { lesionlens::Context context(options); });
            CHECK(error.status() == LENS_ERROR_VERSION);
            CHECK(contains(error.what(), std::to_string(LENS_ABI_VERSION + 41)));
        });
        test("what a progress callable throws comes out of the call", [this] { progress_throws(); });
        test("false from a progress callable cancels", [this] { progress_stops(); });
        test("a token cancels from another thread, and after a reset no more", [this] { token_cancels(); });
        test("progress counts up to the total", [this] { progress_counts(); });
        test("any callable reports progress: functions, and those that return nothing", [this] { progress_callables(); });
        test("spans take arrays, vectors and std::span, and refuse the wrong size", [this] { spans(); });
        test("a model outlives its context, a heatmap its model", [this] { any_order(); });
        test("classify gives each image its result", [this] { classify(); });
        test("heatmaps have the image's size, and tiles that cover it", [this] { heatmaps(); });
        test("overlay shows the image at alpha 0 and writes nothing between rows", [this] { overlay(); });
        test("a saved model says the same", [this] { save_and_load(); });
        test("evaluate reports every sample and writes its files", [this] { evaluate(); });
        test("a calibrated model has the same weights and says so in its file", [this] { calibrate(); });
        test("an image file reads back what write_png wrote", [this] { image_files(); });
        test("a series has its slices in spatial order", [this] { series(); });
        test("split keeps all samples, extend adds a directory's", [this] { datasets(); });
    }

private:
    static std::filesystem::path temporary_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "lesionlens-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("no temporary directory: " + name);
        }
        return name;
    }

    static lens_init_options init() {
        auto options = lesionlens::init_options();
        options.device = LENS_DEVICE_CPU;
        // A machine that is busy otherwise makes two threads wait for each other, and the test slow.
        options.threads = 1;
        return options;
    }

    template <typename Body>
    static void test(const char* name, const Body& body) {
        const int before = failures;
        try {
            body();
        } catch (const std::exception& error) {
            ++failures;
            std::fprintf(stderr, "unexpected exception: %s\n", error.what());
        }
        std::printf("%s %s\n", failures == before ? "ok    " : "FAILED", name);
        std::fflush(stdout);
    }

    std::string path(const std::string& name) const { return (folder_ / name).string(); }

    void moves() const {
        static_assert(!std::is_copy_constructible_v<lesionlens::Model> && !std::is_copy_assignable_v<lesionlens::Heatmap>);
        static_assert(std::is_nothrow_move_constructible_v<lesionlens::Context>);
        static_assert(sizeof(lesionlens::Heatmap) == sizeof(lens_heatmap*));
        static_assert(std::is_nothrow_move_assignable_v<lesionlens::Dataset>);
        lesionlens::Dataset from = dataset(0, 4);
        lesionlens::Dataset to = dataset(0, 2);
        to = std::move(from);
        CHECK(contains(to.describe(), "\"samples\":4") || contains(to.describe(), "\"samples\": 4"));
        const auto error = error_of([&] { from.describe(); });  // NOLINT: use after move is what is tested
        CHECK(error.status() == LENS_ERROR_ARGUMENT);
        const auto validation = error_of([&] { context_.train(to, from, tiny_training()); });
        CHECK(validation.status() == LENS_ERROR_ARGUMENT && contains(validation.what(), "validation"));
    }

    void errors() const {
        const auto missing = error_of([&] { context_.load_model(path("missing.safetensors")); });
        CHECK(missing.status() == LENS_ERROR_IO);
        CHECK(std::string(missing.status_name()) == "LENS_ERROR_IO");
        CHECK(contains(missing.what(), "missing.safetensors"));

        const Sample made = sample(1);
        lens_image narrow = view(made);
        narrow.row_stride = side - 1;
        const std::array<lens_image, 2> images{view(made), narrow};
        const auto stride = error_of([&] { model_.classify(images); });
        CHECK(stride.status() == LENS_ERROR_ARGUMENT);
        CHECK(contains(stride.what(), "image 1") && contains(stride.what(), std::to_string(side - 1)));

        auto options = lesionlens::heatmap_options();
        options.method = 77;
        const auto method = error_of([&] { model_.heatmap(view(made), options); });
        CHECK(method.status() == LENS_ERROR_ARGUMENT && contains(method.what(), "77"));
    }

    void progress_throws() const {
        const Sample made = sample(1);
        const auto stop = [](const lens_progress&) -> bool { throw Stop(); };
        const std::vector<std::function<void()>> calls{
            [&] { context_.train(dataset(0, 24), tiny_training(), stop); },
            [&] { model_.classify(view(made), lesionlens::classify_options(), stop); },
            [&] { model_.heatmap(view(made), lesionlens::heatmap_options(), stop); },
            [&] { model_.evaluate(dataset(0, 4), lesionlens::evaluate_options(), stop); },
            [&] { model_.calibrate(dataset(0, 4), lesionlens::calibrate_options(), stop); },
        };
        for (std::size_t index = 0; index < calls.size(); ++index) {
            bool caught = false;
            try {
                calls[index]();
            } catch (const Stop&) {
                caught = true;
            }
            if (!caught) {
                std::fprintf(stderr, "call %zu did not throw what its callable threw\n", index);
            }
            CHECK(caught);
        }
    }

    void progress_stops() const {
        int calls = 0;
        const auto error = error_of([&] {
            context_.train(dataset(0, 24), tiny_training(), [&](const lens_progress& progress) {
                ++calls;
                return progress.phase != LENS_PHASE_TRAIN;
            });
        });
        CHECK(error.status() == LENS_CANCELLED);
        CHECK(calls > 0);
    }

    void token_cancels() const {
        const lesionlens::CancelToken token;
        auto options = tiny_training();
        options.epochs = 1000;
        options.cancel = token.get();
        std::thread other;
        const auto error = error_of([&] {
            context_.train(dataset(0, 24), options, [&](const lens_progress& progress) {
                if (progress.phase == LENS_PHASE_TRAIN && !other.joinable()) {
                    other = std::thread([&] { token.trigger(); });
                }
                return true;
            });
        });
        CHECK(other.joinable());
        if (other.joinable()) {
            other.join();
        }
        CHECK(error.status() == LENS_CANCELLED);

        const Sample made = sample(1);
        auto classifying = lesionlens::classify_options();
        classifying.cancel = token.get();
        CHECK(error_of([&] { model_.classify(view(made), classifying); }).status() == LENS_CANCELLED);
        token.reset();
        CHECK(model_.classify(view(made), classifying).probability > 0);
    }

    void progress_counts() const {
        std::uint64_t done = 0;
        std::uint64_t total = 0;
        bool backwards = false;
        model_.evaluate(dataset(0, 10), lesionlens::evaluate_options(), [&](const lens_progress& progress) {
            if (progress.phase == LENS_PHASE_EVALUATE) {
                backwards = backwards || progress.done < done;
                done = progress.done;
                total = progress.total;
            }
            return true;
        });
        CHECK(!backwards);
        CHECK(done == 10 && total == 10);
    }

    static bool stop_at_once(const lens_progress&) { return false; }

    void progress_callables() const {
        const Sample made = sample(1);
        const auto options = lesionlens::classify_options();
        CHECK(error_of([&] { model_.classify(view(made), options, stop_at_once); }).status() == LENS_CANCELLED);
        CHECK(error_of([&] { model_.classify(view(made), options, &stop_at_once); }).status() == LENS_CANCELLED);
        const std::function<bool(const lens_progress&)> stored = stop_at_once;
        CHECK(error_of([&] { model_.classify(view(made), options, stored); }).status() == LENS_CANCELLED);
        int calls = 0;
        model_.classify(view(made), options, [&](const lens_progress&) { ++calls; });
        CHECK(calls > 0);
    }

    void spans() const {
        using lesionlens::Span;
        using lesionlens::View;
        static_assert(std::is_convertible_v<std::vector<float>&, Span<float>>);
        static_assert(std::is_convertible_v<const std::vector<float>&, View<float>>);
        static_assert(std::is_convertible_v<Span<float>, View<float>>);
        static_assert(!std::is_convertible_v<const std::vector<float>&, Span<float>>);  // would write to constants
        static_assert(!std::is_convertible_v<std::vector<float>, Span<float>>);         // would write to a temporary
        static_assert(!std::is_convertible_v<std::vector<double>&, View<float>>);
        const Sample first = sample(1);
        const Sample second = sample(2);
        const lens_image images[] = {view(first), view(second)};
        std::array<lens_prediction, 2> predictions{};
        model_.classify(images, predictions);
        CHECK(predictions[1].logit == model_.classify(View<lens_image>(images))[1].logit);
        std::array<lens_prediction, 3> three{};
        const auto error = error_of([&] { model_.classify(images, three); });
        CHECK(error.status() == LENS_ERROR_ARGUMENT && contains(error.what(), "3") && contains(error.what(), "2"));
    }

    void any_order() const {
        const std::string file = path("order.safetensors");
        model_.save(file);
        auto context = std::make_unique<lesionlens::Context>(init());
        auto model = std::make_unique<lesionlens::Model>(context->load_model(file));
        context.reset();
        const Sample made = sample(3);
        const lesionlens::Heatmap heatmap = model->heatmap(view(made));
        model.reset();
        CHECK(heatmap.values().size() == side * side);
        CHECK(heatmap.summary().prediction.probability > 0);
    }

    void classify() const {
        std::vector<Sample> samples;
        std::vector<lens_image> images;
        for (unsigned index = 0; index < 5; ++index) {
            samples.push_back(sample(index));
        }
        for (const Sample& made : samples) {
            images.push_back(view(made));
        }
        auto options = lesionlens::classify_options();
        options.batch_limit = 2;
        const auto predictions = model_.classify(images, options);
        CHECK(predictions.size() == 5);
        for (std::size_t index = 0; index < predictions.size(); ++index) {
            const lens_prediction alone = model_.classify(images[index]);
            const lens_prediction& together = predictions[index];
            CHECK(std::fabs(alone.logit - together.logit) < 1e-4F);
            CHECK(std::fabs(together.probability - 1 / (1 + std::exp(-together.logit))) < 1e-6F);
            CHECK(together.label == (together.probability > together.threshold ? 1 : 0));
        }
        CHECK(predictions[0].logit != predictions[1].logit);
        CHECK(model_.classify(lesionlens::View<lens_image>()).empty());
    }

    void heatmaps() const {
        const Sample first = sample(1);
        const Sample second = sample(2);
        auto options = lesionlens::heatmap_options();
        options.tile_size = 32;
        options.stride = 12;
        const std::vector<lens_image> images{view(first), view(second)};
        const std::vector<lesionlens::Heatmap> heatmaps = model_.heatmaps(images, options);
        CHECK(heatmaps.size() == 2);
        for (const lesionlens::Heatmap& heatmap : heatmaps) {
            const lens_heatmap_summary summary = heatmap.summary();
            CHECK(summary.width == side && summary.height == side);
            CHECK(heatmap.values().size() == side * side);
            CHECK(heatmap.tiles().size() == std::size_t{summary.columns} * summary.rows);
            float right = 0;
            float hottest = 0;
            for (const lens_tile& tile : heatmap.tiles()) {
                right = std::fmax(right, tile.x + tile.width);
                hottest = std::fmax(hottest, tile.probability);
            }
            CHECK(right == side);
            CHECK(heatmap.tiles()[summary.hottest_tile].probability == hottest);
            double sum = 0;
            for (const float value : heatmap.values()) {
                sum += value;
            }
            CHECK(std::fabs(sum / (side * side) - summary.mean) < 1e-5);
        }
        const auto both = lesionlens::Heatmap::aggregate(heatmaps, LENS_AGGREGATE_MEAN);
        const float mean =
            (heatmaps[0].summary().prediction.probability + heatmaps[1].summary().prediction.probability) / 2;
        CHECK(std::fabs(both.first.summary().prediction.probability - mean) < 1e-6F);
        CHECK(both.first.values()[5] == (heatmaps[0].values()[5] + heatmaps[1].values()[5]) / 2);
        const auto highest = lesionlens::Heatmap::aggregate(heatmaps);
        CHECK(highest.second == both.second && highest.second < 2);
        CHECK(highest.first.summary().prediction.logit == heatmaps[highest.second].summary().prediction.logit);
        CHECK(error_of([] { lesionlens::Heatmap::aggregate({}); }).status() == LENS_ERROR_ARGUMENT);
    }

    void overlay() const {
        const Sample made = sample(1);
        const lesionlens::Heatmap heatmap = model_.heatmap(view(made));
        auto options = lesionlens::overlay_options();
        options.alpha = 0;
        const std::vector<std::uint8_t> rgba = heatmap.overlay(view(made), options);
        CHECK(rgba.size() == std::size_t{4} * side * side);
        bool same = true;
        for (std::size_t pixel = 0; pixel < made.pixels.size(); ++pixel) {
            same = same && rgba[4 * pixel] == made.pixels[pixel] && rgba[4 * pixel + 3] == 255;
        }
        CHECK(same);

        const std::size_t stride = 4 * side + 8;
        std::vector<std::uint8_t> padded(stride * side, 0xA5);
        heatmap.overlay(view(made), padded.data(), stride, options);
        bool untouched = true;
        for (std::size_t row = 0; row < side; ++row) {
            for (std::size_t byte = 4 * side; byte < stride; ++byte) {
                untouched = untouched && padded[row * stride + byte] == 0xA5;
            }
        }
        CHECK(untouched);
        CHECK(padded[stride] == rgba[4 * side]);
    }

    void save_and_load() const {
        model_.save(path("model.safetensors"));
        const lesionlens::Model loaded = context_.load_model(path("model.safetensors"));
        for (unsigned index = 0; index < 4; ++index) {
            const Sample made = sample(index);
            CHECK(loaded.classify(view(made)).logit == model_.classify(view(made)).logit);
        }
        CHECK(contains(loaded.describe(), "densenet121"));
    }

    void evaluate() const {
        auto options = lesionlens::evaluate_options();
        const std::string folder = path("report");
        options.output_dir = folder.c_str();
        const std::string report = model_.evaluate(dataset(0, 6), options);
        CHECK(contains(report, "confusion_matrix") && contains(report, "image 5"));
        CHECK(std::filesystem::exists(folder_ / "report" / "predictions.csv"));
        std::ifstream written(folder_ / "report" / "report.json");
        const std::string document(std::istreambuf_iterator<char>(written), {});
        CHECK(contains(document, "confusion_matrix"));
        const lens_metrics metrics = lesionlens::metrics(report);
        CHECK(metrics.samples == 6 && metrics.brier.value > 0 && metrics.accuracy.low < metrics.accuracy.high);
        CHECK(error_of([] { lesionlens::metrics("{}"); }).status() == LENS_ERROR_FORMAT);
    }

    void calibrate() const {
        auto options = lesionlens::calibrate_options();
        options.fit_temperature = 0;
        options.operating_point = LENS_OPERATING_POINT_SENSITIVITY;
        options.target_sensitivity = 0.75;
        unsigned calls = 0;
        const auto made = model_.calibrate(dataset(0, 8), options, [&](const lens_progress&) { return ++calls > 0; });
        CHECK(calls > 0 && contains(made.report, "operating_point"));
        CHECK(contains(made.model.describe(), "\"rule\":\"sensitivity\""));
        made.model.save(path("calibrated.safetensors"));
        const lesionlens::Model loaded = context_.load_model(path("calibrated.safetensors"));
        const Sample image = sample(3);
        const lens_prediction expected = made.model.classify(view(image));
        const lens_prediction found = loaded.classify(view(image));
        CHECK(found.logit == expected.logit && found.threshold == expected.threshold);
        CHECK(found.threshold != model_.classify(view(image)).threshold);
        options.operating_point = 99;
        const auto error = error_of([&] { model_.calibrate(dataset(0, 8), options); });
        CHECK(error.status() == LENS_ERROR_ARGUMENT && contains(error.what(), "99"));
    }

    void image_files() const {
        const Sample made = sample(3);
        lesionlens::write_png(path("image.png"), view(made));
        const lesionlens::ImageFile file(path("image.png"));
        const lens_image image = file.view();
        CHECK(file.frames() == 1);
        CHECK(image.width == side && image.height == side && image.format == LENS_PIXEL_FORMAT_GRAY8);
        CHECK(model_.classify(image).logit == model_.classify(view(made)).logit);
        CHECK(error_of([&] { lesionlens::ImageFile(path("image.png"), 9); }).status() == LENS_ERROR_ARGUMENT);
        lens_read_options reading = model_.read_options();
        CHECK(reading.display == LENS_DISPLAY_VIEWER && reading.apply_orientation == 1);
        CHECK(lesionlens::ImageFile(path("image.png"), 0, reading).frames() == 1);
        reading.window = 4;
        CHECK(error_of([&] { lesionlens::ImageFile(path("image.png"), 0, reading); }).status() == LENS_ERROR_ARGUMENT);
    }

    // An axial slice of one pixel, little endian without preamble, which lies as high as its number says, in mm.
    static void write_slice(const std::string& path, const std::string& uid, unsigned char number) {
        std::string file;
        const auto element = [&](unsigned group, unsigned tag, const char* vr, std::string value) {
            value.resize((value.size() + 1) / 2 * 2, std::string(vr) == "UI" ? '\0' : ' ');
            for (const unsigned part : {group, tag}) {
                file += {static_cast<char>(part & 0xff), static_cast<char>(part >> 8)};
            }
            file += vr;
            file += {static_cast<char>(value.size()), '\0'};
            file += value;
        };
        const auto number_of = [](char low) { return std::string{low, '\0'}; };
        element(0x0008, 0x0060, "CS", "CT");
        element(0x0020, 0x000e, "UI", uid);
        element(0x0020, 0x0032, "DS", "0\\0\\" + std::to_string(number));
        element(0x0020, 0x0037, "DS", "1\\0\\0\\0\\1\\0");
        element(0x0028, 0x0002, "US", number_of(1));
        element(0x0028, 0x0004, "CS", "MONOCHROME2");
        element(0x0028, 0x0010, "US", number_of(1));
        element(0x0028, 0x0011, "US", number_of(1));
        element(0x0028, 0x0100, "US", number_of(8));
        file += std::string{'\xe0', '\x7f', '\x10', 0, 'O', 'B', 0, 0, 2, 0, 0, 0, static_cast<char>(number), 0};
        std::ofstream(path, std::ios::binary) << file;
    }

    void series() const {
        std::filesystem::create_directory(path("series"));
        write_slice(path("series/a"), "1.2.3", 30);
        write_slice(path("series/b"), "1.2.3", 10);
        const lesionlens::Series series(path("series"));
        CHECK(series.slices() == 2);
        CHECK(contains(series.describe(), "\"uid\":\"1.2.3\""));
        const lesionlens::ImageFile slice = series.load(1, model_.read_options());
        const lens_image image = slice.view();
        CHECK(slice.frames() == 2 && image.width == 1 && *static_cast<const std::uint8_t*>(image.pixels) == 30);
        CHECK(error_of([&] { series.load(2); }).status() == LENS_ERROR_ARGUMENT);
        write_slice(path("series/c"), "1.2.4", 20);
        const auto error = error_of([&] { lesionlens::Series(path("series")); });
        CHECK(error.status() == LENS_ERROR_DATA && contains(error.what(), "1.2.4"));
        CHECK(lesionlens::Series::open(path("series"), "1.2.4").slices() == 1);
    }

    void datasets() const {
        const auto [first, second] = dataset(0, 12).split(0.5, 3);
        CHECK(contains(first.describe(), "\"samples\""));
        std::string report = model_.evaluate(first) + model_.evaluate(second);
        for (unsigned index = 0; index < 12; ++index) {
            CHECK(contains(report, "\"image " + std::to_string(index) + "\""));
        }
        for (const char* folder : {"classes/a", "classes/b"}) {
            std::filesystem::create_directories(folder_ / folder);
            lesionlens::write_png(path(std::string(folder) + "/one.png"), view(sample(1)));
        }
        lesionlens::Dataset opened = lesionlens::Dataset::open(path("classes"));
        auto options = lesionlens::dataset_options();
        options.positive_class = "c";
        const std::string before = opened.describe();
        const auto error = error_of([&] { opened.extend(path("nowhere"), options); });
        CHECK(error.status() == LENS_ERROR_IO && contains(error.what(), "nowhere"));
        CHECK(opened.describe() == before);
        opened.extend(path("classes"));
        CHECK(opened.describe() != before);
    }

    std::filesystem::path folder_;
    lesionlens::Context context_;
    lesionlens::Model model_;
};

}  // namespace

int main() {
    try {
        Bindings().run();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "setting up failed: %s\n", error.what());
        return EXIT_FAILURE;
    }
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
