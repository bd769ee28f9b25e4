/**
 * @file lesionlens.hpp
 * lesionlens for C++17: handles that free themselves, exceptions instead of statuses, callables as progress callbacks.
 *
 * Not a medical device.
 *
 * Header-only, over lesionlens.h; link with -llesionlens. What options and results mean is said there: this file only
 * says what C++ adds.
 *
 * - Handles (Context, Model, Dataset, Picture, Map, CancelToken) own their C handle, can be moved and not copied. A
 *   moved-from handle can be assigned to or destroyed; using it throws Error with LENS_ERROR_ARGUMENT.
 * - Handles may be destroyed in any order: the library keeps what is still needed.
 * - const member functions may be called from several threads at once; moving, assigning and destroying may not overlap
 *   with any other use of the same object.
 * - Functions throw Error when the library refuses, std::bad_alloc when the host's memory runs out, and whatever a
 *   progress callable threw.
 */
#ifndef LESIONLENS_HPP
#define LESIONLENS_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "lesionlens.h"

namespace lesionlens {

/** What the library refused and why: what() is the message of lens_last_error(). */
class Error : public std::runtime_error {
public:
    Error(lens_status status, const std::string& message) : std::runtime_error(message), status_(status) {}

    /** LENS_ERROR_..., or LENS_CANCELLED when a progress callable returned false or a token was triggered. */
    lens_status status() const noexcept { return status_; }

    /** The status as text, such as "LENS_ERROR_IO". */
    const char* status_name() const noexcept { return lens_status_name(status_); }

private:
    lens_status status_;
};

/**
 * Called by long calls on the thread that made the call, about once a batch; return true to go on.
 *
 * What it throws stops the call and comes out of the function that was called.
 */
using Progress = std::function<bool(const lens_progress&)>;

/**
 * A view of elements that somebody else owns.
 *
 * Valid as long as its owner: for what a Map hands out, as long as the Map lives and is not assigned to.
 */
template <typename T>
class View {
public:
    constexpr View() noexcept = default;
    constexpr View(const T* data, std::size_t size) noexcept : data_(data), size_(size) {}
    View(const std::vector<T>& elements) noexcept : data_(elements.data()), size_(elements.size()) {}
    template <std::size_t Size>
    View(const std::array<T, Size>& elements) noexcept : data_(elements.data()), size_(Size) {}

    constexpr const T* data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr const T* begin() const noexcept { return data_; }
    constexpr const T* end() const noexcept { return data_ + size_; }
    constexpr const T& operator[](std::size_t index) const noexcept { return data_[index]; }

private:
    const T* data_ = nullptr;
    std::size_t size_ = 0;
};

namespace detail {

inline void check(lens_status status) {
    if (status != LENS_OK) {
        throw Error(status, lens_last_error());
    }
}

template <typename T, void (*Free)(T*)>
struct Deleter {
    void operator()(T* handle) const noexcept { Free(handle); }
};

template <typename T, void (*Free)(T*)>
using Owner = std::unique_ptr<T, Deleter<T, Free>>;

using Text = Owner<char, lens_string_free>;

/** Text that the library allocated, as a std::string; freed also when that throws. */
template <typename Call>
std::string text_of(const Call& call) {
    char* raw = nullptr;
    const lens_status status = call(&raw);
    const Text text(raw);
    check(status);
    return std::string(text.get());
}

/** Puts a callable into the options of one call, and keeps what it throws from passing through C. */
class ProgressCall {
public:
    template <typename Options>
    ProgressCall(const Progress& progress, Options& options) : progress_(progress) {
        if (progress_) {
            options.progress = &ProgressCall::report;
            options.progress_user_data = this;
        }
    }
    ProgressCall(const ProgressCall&) = delete;
    ProgressCall& operator=(const ProgressCall&) = delete;

    void check(lens_status status) const {
        if (thrown_) {
            std::rethrow_exception(thrown_);
        }
        detail::check(status);
    }

private:
    static std::int32_t report(const lens_progress* progress, void* self) noexcept {
        auto& call = *static_cast<ProgressCall*>(self);
        try {
            return call.progress_(*progress) ? 0 : 1;
        } catch (...) {
            call.thrown_ = std::current_exception();
            return 1;
        }
    }

    const Progress& progress_;
    std::exception_ptr thrown_;
};

template <typename Options, void (*Init)(Options*)>
Options defaults() noexcept {
    Options options;
    Init(&options);
    return options;
}

inline std::size_t bytes_per_pixel(lens_pixel_format format) noexcept {
    switch (format) {
        case LENS_PIXEL_GRAY16:
        case LENS_PIXEL_GRAY_S16:
            return 2;
        case LENS_PIXEL_RGB8:
        case LENS_PIXEL_BGR8:
            return 3;
        case LENS_PIXEL_GRAY_F32:
        case LENS_PIXEL_RGBA8:
        case LENS_PIXEL_BGRA8:
            return 4;
        default:
            return 1;
    }
}

}  // namespace detail

/** @name Options with all fields at their defaults, to be changed and handed over.
 * They borrow: what their pointers (paths, tokens, start models, callbacks) point to stays the caller's. */
///@{

/** abi_version is this header's, so that a library of another ABI is refused with LENS_ERROR_VERSION. */
inline lens_init_options init_options() noexcept {
    auto options = detail::defaults<lens_init_options, lens_init_options_init>();
    options.abi_version = LENS_ABI_VERSION;
    return options;
}
inline lens_train_options train_options() noexcept {
    return detail::defaults<lens_train_options, lens_train_options_init>();
}
inline lens_classify_options classify_options() noexcept {
    return detail::defaults<lens_classify_options, lens_classify_options_init>();
}
inline lens_heatmap_options heatmap_options() noexcept {
    return detail::defaults<lens_heatmap_options, lens_heatmap_options_init>();
}
inline lens_overlay_options overlay_options() noexcept {
    return detail::defaults<lens_overlay_options, lens_overlay_options_init>();
}
inline lens_evaluate_options evaluate_options() noexcept {
    return detail::defaults<lens_evaluate_options, lens_evaluate_options_init>();
}
inline lens_localize_options localize_options() noexcept {
    return detail::defaults<lens_localize_options, lens_localize_options_init>();
}
inline lens_calibrate_options calibrate_options() noexcept {
    return detail::defaults<lens_calibrate_options, lens_calibrate_options_init>();
}
inline lens_optimize_options optimize_options() noexcept {
    return detail::defaults<lens_optimize_options, lens_optimize_options_init>();
}
inline lens_dataset_options dataset_options() noexcept {
    return detail::defaults<lens_dataset_options, lens_dataset_options_init>();
}
///@}

/** The library's version, "major.minor.patch". */
inline std::string version() { return lens_version(); }

/** The ABI version of the loaded library; LENS_ABI_VERSION is that of the header. */
inline std::uint32_t abi_version() noexcept { return lens_abi_version(); }

/**
 * A view of the caller's pixels, which stay the caller's and must outlive each call the view is given to. The fields
 * for stored bits, rescaling, window and inversion are zero (none) and may be set afterwards.
 *
 * @param row_stride Bytes from one row to the next; 0: rows without gaps.
 */
inline lens_image image(const void* pixels, std::uint32_t width, std::uint32_t height,
                        lens_pixel_format format = LENS_PIXEL_GRAY8, std::size_t row_stride = 0) noexcept {
    lens_image view{};
    view.pixels = pixels;
    view.width = width;
    view.height = height;
    view.format = format;
    view.row_stride = row_stride != 0 ? row_stride : width * detail::bytes_per_pixel(format);
    return view;
}

/** Writes an image as a PNG file, atomically. Thread-safe. */
inline void write_png(const std::string& path, const lens_image& image) {
    detail::check(lens_png_write(path.c_str(), &image));
}

/** Stops long calls: put get() into their options' cancel field, and trigger() from any thread. Thread-safe. */
class CancelToken {
public:
    CancelToken() {
        lens_cancel_token* token = nullptr;
        detail::check(lens_cancel_token_new(&token));
        handle_.reset(token);
    }

    /** Each call that carries the token ends within one batch with LENS_CANCELLED. */
    void trigger() const { detail::check(lens_cancel_token_trigger(get())); }

    /** Makes a triggered token usable again. */
    void reset() const { detail::check(lens_cancel_token_reset(get())); }

    /** The C handle, still owned by this object. */
    const lens_cancel_token* get() const noexcept { return handle_.get(); }

private:
    detail::Owner<lens_cancel_token, lens_cancel_token_free> handle_;
};

/** A decoded image file. Immutable, so thread-safe. */
class Picture {
public:
    explicit Picture(const std::string& path, std::uint32_t frame = 0) {
        lens_picture* picture = nullptr;
        detail::check(lens_picture_load(path.c_str(), frame, &picture));
        handle_.reset(picture);
    }

    /** A view of the picture's pixels, valid as long as this object lives and is not assigned to. */
    lens_image view() const& {
        lens_image image{};
        detail::check(lens_picture_view(get(), &image));
        return image;
    }
    lens_image view() const&& = delete;

    /** How many frames the file has. */
    std::uint32_t frames() const {
        std::uint32_t frames = 0;
        detail::check(lens_picture_frames(get(), &frames));
        return frames;
    }

    /** The C handle, still owned by this object. */
    const lens_picture* get() const noexcept { return handle_.get(); }

private:
    detail::Owner<lens_picture, lens_picture_free> handle_;
};

/** A heatmap. Immutable, so thread-safe; independent of the model and the image it was made from. */
class Map {
public:
    /** Takes over a C handle, which must not be freed elsewhere. */
    explicit Map(lens_map* handle) noexcept : handle_(handle) {}

    lens_map_summary summary() const {
        lens_map_summary summary{};
        detail::check(lens_map_get_summary(get(), &summary));
        return summary;
    }

    /** Probabilities, row by row, width x height; a view into this object. */
    View<float> values() const& {
        const float* values = nullptr;
        std::size_t count = 0;
        detail::check(lens_map_values(get(), &values, &count));
        return {values, count};
    }
    View<float> values() const&& = delete;

    /** Tiles, row by row, columns x rows; a view into this object. */
    View<lens_tile> tiles() const& {
        const lens_tile* tiles = nullptr;
        std::size_t count = 0;
        detail::check(lens_map_tiles(get(), &tiles, &count));
        return {tiles, count};
    }
    View<lens_tile> tiles() const&& = delete;

    /** The coloured map over its image: RGBA, 8 bits each, rows without gaps. */
    std::vector<std::uint8_t> overlay(const lens_image& image,
                                      const lens_overlay_options& options = overlay_options()) const {
        const lens_map_summary figures = summary();
        const std::size_t stride = std::size_t{4} * figures.width;
        std::vector<std::uint8_t> rgba(stride * figures.height);
        overlay(image, rgba.data(), stride, options);
        return rgba;
    }

    /** The same into the caller's memory: stride bytes for each row of the map. */
    void overlay(const lens_image& image, std::uint8_t* rgba, std::size_t stride,
                 const lens_overlay_options& options = overlay_options()) const {
        detail::check(lens_map_overlay(get(), &image, &options, rgba, stride));
    }

    /** The C handle, still owned by this object. */
    const lens_map* get() const noexcept { return handle_.get(); }

private:
    detail::Owner<lens_map, lens_map_free> handle_;
};

/**
 * One map of several of the same size and with the same tiles, such as those of a cine's frames, and the index of the one
 * with the highest probability.
 */
inline std::pair<Map, std::size_t> aggregate(const std::vector<Map>& maps, lens_aggregate how = LENS_AGGREGATE_MAX) {
    std::vector<const lens_map*> handles;
    handles.reserve(maps.size());
    for (const Map& map : maps) {
        handles.push_back(map.get());
    }
    lens_map* made = nullptr;
    std::size_t best_frame = 0;
    detail::check(lens_map_aggregate(handles.data(), handles.size(), how, &made, &best_frame));
    return {Map(made), best_frame};
}

/**
 * Labelled images. Thread-safe, also while samples are added; a running call works on the samples that were there when
 * it began.
 */
class Dataset {
public:
    /** An empty one, for add() and extend(). */
    Dataset() {
        lens_dataset* dataset = nullptr;
        detail::check(lens_dataset_new(&dataset));
        handle_.reset(dataset);
    }

    /** Takes over a C handle, which must not be freed elsewhere. */
    explicit Dataset(lens_dataset* handle) noexcept : handle_(handle) {}

    /** Opens a directory: labels.csv and images/, or a folder per class. */
    static Dataset open(const std::string& path, const lens_dataset_options& options = dataset_options()) {
        lens_dataset* dataset = nullptr;
        detail::check(lens_dataset_open(path.c_str(), &options, &dataset));
        return Dataset(dataset);
    }

    /** Adds another directory; on failure the data set is as before. */
    void extend(const std::string& path, const lens_dataset_options& options = dataset_options()) {
        detail::check(lens_dataset_extend(handle_.get(), path.c_str(), &options));
    }

    /** Adds one image (its pixels are copied) under the name "sample 0", "sample 1", ... */
    void add(const lens_image& image, std::int32_t label) {
        detail::check(lens_dataset_add(handle_.get(), &image, label, nullptr));
    }

    /** Adds one image (its pixels are copied) under a name of the caller's. */
    void add(const lens_image& image, std::int32_t label, const std::string& id) {
        detail::check(lens_dataset_add(handle_.get(), &image, label, id.c_str()));
    }

    /** Two new data sets with about the same share of positives; this one stays as it is. */
    std::pair<Dataset, Dataset> split(double fraction, std::uint64_t seed) const {
        lens_dataset* first = nullptr;
        lens_dataset* second = nullptr;
        detail::check(lens_dataset_split(get(), fraction, seed, &first, &second));
        return {Dataset(first), Dataset(second)};
    }

    /** Counts, roots and what was skipped, as JSON. */
    std::string describe() const {
        return detail::text_of([this](char** json) { return lens_dataset_describe(get(), json); });
    }

    /** The C handle, still owned by this object. */
    const lens_dataset* get() const noexcept { return handle_.get(); }

private:
    detail::Owner<lens_dataset, lens_dataset_free> handle_;
};

struct Calibrated;

/** A trained classifier. Immutable, so any number of threads may use one at once. Keeps its context alive. */
class Model {
public:
    /** Takes over a C handle, which must not be freed elsewhere. */
    explicit Model(lens_model* handle) noexcept : handle_(handle) {}

    /** One result for each image, in their order. */
    std::vector<lens_prediction> classify(View<lens_image> images, lens_classify_options options = classify_options(),
                                          const Progress& progress = {}) const {
        detail::ProgressCall call(progress, options);
        std::vector<lens_prediction> predictions(images.size());
        call.check(lens_classify(get(), images.data(), images.size(), &options, predictions.data()));
        return predictions;
    }

    lens_prediction classify(const lens_image& image, const lens_classify_options& options = classify_options(),
                             const Progress& progress = {}) const {
        return classify(View<lens_image>(&image, 1), options, progress).front();
    }

    /** One map for each image, in their order. */
    std::vector<Map> heatmaps(View<lens_image> images, lens_heatmap_options options = heatmap_options(),
                              const Progress& progress = {}) const {
        detail::ProgressCall call(progress, options);
        std::vector<lens_map*> handles(images.size(), nullptr);
        std::vector<Map> maps;
        // Nothing may throw between the call and the handles having owners.
        maps.reserve(images.size());
        const lens_status status = lens_heatmap(get(), images.data(), images.size(), &options, handles.data());
        for (lens_map* handle : handles) {
            maps.emplace_back(handle);
        }
        call.check(status);
        return maps;
    }

    Map heatmap(const lens_image& image, const lens_heatmap_options& options = heatmap_options(),
                const Progress& progress = {}) const {
        return std::move(heatmaps(View<lens_image>(&image, 1), options, progress).front());
    }

    /** Classifies every sample and compares with its label; the report, as JSON. */
    std::string evaluate(const Dataset& dataset, lens_evaluate_options options = evaluate_options(),
                         const Progress& progress = {}) const {
        detail::ProgressCall call(progress, options);
        char* json = nullptr;
        const lens_status status = lens_evaluate(get(), dataset.get(), &options, &json);
        const detail::Text report(json);
        call.check(status);
        return std::string(report.get());
    }

    /** Compares heatmaps of a directory's images with its boxes.csv; the report, as JSON. */
    std::string localize(const std::string& directory, lens_localize_options options = localize_options(),
                         const Progress& progress = {}) const {
        detail::ProgressCall call(progress, options);
        char* json = nullptr;
        const lens_status status = lens_localize(get(), directory.c_str(), &options, &json);
        const detail::Text report(json);
        call.check(status);
        return std::string(report.get());
    }

    /** The same weights with temperature, threshold or both set on a data set; this model stays as it is. */
    Calibrated calibrate(const Dataset& dataset, lens_calibrate_options options = calibrate_options(),
                         const Progress& progress = {}) const;

    /** Saves atomically; an existing file is replaced. */
    void save(const std::string& path, lens_model_format format = LENS_MODEL_FORMAT_SAFETENSORS) const {
        detail::check(lens_model_save(get(), path.c_str(), format));
    }

    /** Writes what the reference pipeline calls the optimised variant, for PyTorch and libtorch. */
    void optimize(const std::string& path, lens_optimize_options options = optimize_options()) const {
        detail::check(lens_model_optimize(get(), path.c_str(), &options));
    }

    /** Architecture, SHA-256, preprocessing, temperature, threshold and training record, as JSON. */
    std::string describe() const {
        return detail::text_of([this](char** json) { return lens_model_describe(get(), json); });
    }

    /** The C handle, still owned by this object; for lens_train_options.start_model. */
    const lens_model* get() const noexcept { return handle_.get(); }

private:
    detail::Owner<lens_model, lens_model_free> handle_;
};

/** A calibrated model, and the report of what calibration did, as JSON. */
struct Calibrated {
    Model model;
    std::string report;
};

inline Calibrated Model::calibrate(const Dataset& dataset, lens_calibrate_options options,
                                   const Progress& progress) const {
    detail::ProgressCall call(progress, options);
    lens_model* handle = nullptr;
    char* json = nullptr;
    const lens_status status = lens_model_calibrate(get(), dataset.get(), &options, &handle, &json);
    Model model(handle);
    const detail::Text report(json);
    call.check(status);
    return {std::move(model), std::string(report.get())};
}

/** A set-up library: device, precision, threads. Thread-safe; what is made from it keeps it alive. */
class Context {
public:
    /** The log callback's user_data must outlive everything that is made from the context. */
    explicit Context(const lens_init_options& options = init_options()) {
        lens_context* context = nullptr;
        detail::check(lens_init(&options, &context));
        handle_.reset(context);
    }

    /** What was found and decided, as JSON. */
    std::string describe() const {
        return detail::text_of([this](char** json) { return lens_context_describe(get(), json); });
    }

    Model load_model(const std::string& path) const {
        lens_model* model = nullptr;
        detail::check(lens_model_load(get(), path.c_str(), &model));
        return Model(model);
    }

    /** Trains, and returns the model that is best on the validation set. */
    Model train(const Dataset& train, const Dataset& validation, const lens_train_options& options = train_options(),
                const Progress& progress = {}) const {
        if (validation.get() == nullptr) {
            // NULL would mean: none.
            throw Error(LENS_ERROR_ARGUMENT, "validation was moved from; it must be a data set that is still owned");
        }
        return train_on(train, validation.get(), options, progress);
    }

    /** Trains without validation, and returns the model of the last epoch. */
    Model train(const Dataset& train, const lens_train_options& options = train_options(),
                const Progress& progress = {}) const {
        return train_on(train, nullptr, options, progress);
    }

    /** The C handle, still owned by this object. */
    const lens_context* get() const noexcept { return handle_.get(); }

private:
    Model train_on(const Dataset& train, const lens_dataset* validation, lens_train_options options,
                   const Progress& progress) const {
        detail::ProgressCall call(progress, options);
        lens_model* handle = nullptr;
        const lens_status status = lens_train(get(), train.get(), validation, &options, &handle);
        Model model(handle);
        call.check(status);
        return model;
    }

    detail::Owner<lens_context, lens_context_free> handle_;
};

}  // namespace lesionlens

#endif  // LESIONLENS_HPP
