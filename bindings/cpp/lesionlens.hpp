/**
 * @file lesionlens.hpp
 * lesionlens for C++17: handles that free themselves, exceptions or results instead of statuses, lambdas as progress
 * callbacks.
 *
 * Not a medical device.
 *
 * Header-only, over lesionlens.h; link with -llesionlens. What options and results mean is said there: this file only
 * says what C++ adds.
 *
 * - Handles (Context, Model, Dataset, ImageFile, Series, Heatmap, CancelToken) own their C handle, can be moved and not
 *   copied. A moved-from handle can be assigned to or destroyed; using it fails with LENS_ERROR_ARGUMENT.
 * - Handles may be destroyed in any order: the library keeps what is still needed.
 * - const member functions may be called from several threads at once; moving, assigning and destroying may not overlap
 *   with any other use of the same object.
 * - What is declared here as Result<T> is T itself: functions throw Error when the library refuses, std::bad_alloc when
 *   the machine's memory runs out, and whatever a progress callable threw.
 * - Compiled with -fno-exceptions, Result<T> is a class that holds a T or the Error, nothing throws or aborts, and
 *   handles come from create(), load() and open() instead of constructors that could fail. (Where the machine's memory
 *   runs out while a result is copied, the standard library ends the program, as it does everywhere in such programs.)
 * - Translation units with and without exceptions may be linked into one program, but cannot hand each other handles:
 *   the linker refuses that.
 */
#ifndef LESIONLENS_HPP
#define LESIONLENS_HPP

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#if __cplusplus >= 202002L
#include <ranges>
#endif

#include "lesionlens.h"

namespace lesionlens {

// Names differ with exceptions on and off, so that the linker never takes the one's inline functions for the other's.
#if defined(__cpp_exceptions)
inline namespace throwing {
#else
inline namespace returning {
#endif

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

#if defined(__cpp_exceptions)

/** What functions return: failures are thrown. */
template <typename T>
using Result = T;

#else

/** What functions return without exceptions: a value, or why there is none. To be looked at before it is used. */
template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) : content_(std::move(value)) {}
    Result(Error error) : content_(std::move(error)) {}

    bool has_value() const noexcept { return content_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    /** The value; only when there is one. */
    T& operator*() & noexcept { return *held<T>(); }
    const T& operator*() const& noexcept { return *held<T>(); }
    T&& operator*() && noexcept { return std::move(*held<T>()); }
    T* operator->() noexcept { return held<T>(); }
    const T* operator->() const noexcept { return held<T>(); }

    /** Why there is no value; only when there is none. */
    const Error& error() const noexcept { return *held<Error>(); }

private:
    template <typename Content>
    const Content* held() const noexcept {
        const Content* content = std::get_if<Content>(&content_);
        assert(content != nullptr);
        return content;
    }
    template <typename Content>
    Content* held() noexcept {
        return const_cast<Content*>(std::as_const(*this).template held<Content>());
    }

    std::variant<T, Error> content_;
};

/** Of functions that have nothing to give back. */
template <>
class [[nodiscard]] Result<void> {
public:
    Result() noexcept = default;
    Result(Error error) : error_(std::move(error)) {}

    bool has_value() const noexcept { return !error_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    /** Why the call failed; only when it did. */
    const Error& error() const noexcept {
        assert(error_.has_value());
        return *error_;
    }

private:
    std::optional<Error> error_;
};

#endif

namespace detail {

/** Whether elements outlive the container that is handed over. */
template <typename Container>
struct Borrowed :
#if __cplusplus >= 202002L
    std::bool_constant<std::ranges::borrowed_range<Container>> {
};
#else
    std::is_lvalue_reference<Container> {
};
#endif

template <typename Container, typename T, typename = void>
struct HasElements : std::false_type {};
/** As arrays, so that a derived type's elements are not taken for their base's. */
template <typename Container, typename T>
struct HasElements<Container, T, std::void_t<decltype(std::data(std::declval<Container&>()))>>
    : std::is_convertible<std::remove_pointer_t<decltype(std::data(std::declval<Container&>()))> (*)[], T (*)[]> {};

}  // namespace detail

/**
 * Elements that somebody else owns: std::span for C++17, and from and to std::span in C++20. Converts from vectors,
 * arrays and whatever else has its elements in one piece.
 *
 * Valid as long as the owner of the elements: what a Heatmap hands out, as long as the Heatmap lives and is not assigned to.
 */
template <typename T>
class Span {
public:
    using element_type = T;
    using value_type = std::remove_cv_t<T>;

    constexpr Span() noexcept = default;
    constexpr Span(T* data, std::size_t size) noexcept : data_(data), size_(size) {}

    /** Elements that are only read may be a temporary's, for the length of the call that it is given to. */
    template <typename Container,
              std::enable_if_t<std::conjunction_v<std::negation<std::is_same<std::decay_t<Container>, Span>>,
                                                  std::disjunction<std::is_const<T>, detail::Borrowed<Container>>,
                                                  detail::HasElements<Container, T>>,
                               int> = 0>
    constexpr Span(Container&& container) noexcept : data_(std::data(container)), size_(std::size(container)) {}

    constexpr T* data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr T* begin() const noexcept { return data_; }
    constexpr T* end() const noexcept { return data_ + size_; }
    constexpr T& operator[](std::size_t index) const noexcept { return data_[index]; }

private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

/** Elements that are only read. */
template <typename T>
using View = Span<const T>;

/** Zero-terminated UTF-8 of the caller's, borrowed: from const char*, std::string, std::filesystem::path. */
class CString {
public:
    CString(const char* text) noexcept : text_(text) {}
    template <typename String, std::enable_if_t<std::is_convertible_v<
                                                    decltype(std::declval<const String&>().c_str()), const char*>,
                                                int> = 0>
    CString(const String& text) noexcept : text_(text.c_str()) {}

    const char* c_str() const noexcept { return text_; }

private:
    const char* text_;
};

/**
 * Called by long calls on the thread that made the call, about once a batch: any callable that takes a
 * const lens_progress& and returns whether to go on, or nothing to go on always.
 *
 * What it throws stops the call and comes out of the function that was called. The callable is borrowed, as by
 * std::string_view: pass it straight to the function, or keep it in a variable of its own.
 */
class Progress {
public:
    Progress() noexcept = default;

    template <typename Callable, std::enable_if_t<!std::is_same_v<std::decay_t<Callable>, Progress> &&
                                                      std::is_invocable_v<Callable&, const lens_progress&>,
                                                  int> = 0>
    Progress(Callable&& callable) noexcept : call_(&call<std::remove_reference_t<Callable>>) {
        if constexpr (std::is_function_v<std::remove_reference_t<Callable>>) {
            callable_ = reinterpret_cast<void*>(&callable);
        } else {
            callable_ = const_cast<void*>(static_cast<const volatile void*>(std::addressof(callable)));
        }
    }

    explicit operator bool() const noexcept { return call_ != nullptr; }
    bool operator()(const lens_progress& progress) const { return call_(callable_, progress); }

private:
    template <typename Callable>
    static bool call(void* address, const lens_progress& progress) {
        auto& callable = *reinterpret_cast<Callable*>(address);
        if constexpr (std::is_void_v<std::invoke_result_t<Callable&, const lens_progress&>>) {
            std::invoke(callable, progress);
            return true;
        } else {
            return static_cast<bool>(std::invoke(callable, progress));
        }
    }

    void* callable_ = nullptr;
    bool (*call_)(void*, const lens_progress&) = nullptr;
};

namespace detail {

#if defined(__cpp_exceptions)

template <typename T>
[[noreturn]] T fail(lens_status status, const std::string& message) {
    throw Error(status, message);
}

#else

template <typename T>
Result<T> fail(lens_status status, const std::string& message) {
    return Error(status, message);
}

#endif

/** The result of a call: the value when the status says that there is one. */
template <typename T>
Result<T> finish(lens_status status, T value) {
    if (status != LENS_OK) {
        return fail<T>(status, lens_last_error());
    }
    return value;
}

inline Result<void> finish(lens_status status) {
    if (status != LENS_OK) {
        return fail<void>(status, lens_last_error());
    }
    return Result<void>();
}

template <typename T, void (*Free)(T*)>
struct Deleter {
    void operator()(T* handle) const noexcept { Free(handle); }
};

/** A C handle and its owner. */
template <typename T, void (*Free)(T*)>
class Handle {
public:
    using Raw = T;

    /** Takes over a C handle, which must not be freed elsewhere. */
    explicit Handle(T* handle) noexcept : owner_(handle) {}

    /** The C handle, still owned by this object; NULL when it was moved from. */
    const T* get() const noexcept { return owner_.get(); }

protected:
    T* get_mutable() noexcept { return owner_.get(); }

private:
    std::unique_ptr<T, Deleter<T, Free>> owner_;
};

/** What a call that makes one handle made. */
template <typename Owner, typename Call>
Result<Owner> made(const Call& call) {
    typename Owner::Raw* raw = nullptr;
    const lens_status status = call(&raw);
    return finish(status, Owner(raw));
}

/** Text that the library allocated; freed also when copying it throws. */
using Text = std::unique_ptr<char, Deleter<char, lens_string_free>>;

inline std::string copied(const Text& text) { return text ? std::string(text.get()) : std::string(); }

template <typename Call>
Result<std::string> text_of(const Call& call) {
    char* raw = nullptr;
    const lens_status status = call(&raw);
    return finish(status, copied(Text(raw)));
}

/** Puts a callable into the options of one call, and keeps what it throws from passing through C. */
class ProgressCall {
public:
    /** Without a callable, a C callback that the options have stays. */
    template <typename Options>
    ProgressCall(const Progress& progress, Options& options) : progress_(progress) {
        if (progress_) {
            options.progress = &ProgressCall::report;
            options.progress_user_data = this;
        }
    }
    ProgressCall(const ProgressCall&) = delete;
    ProgressCall& operator=(const ProgressCall&) = delete;

    template <typename T>
    Result<T> finish(lens_status status, T value) {
        rethrow();
        return detail::finish(status, std::move(value));
    }
    Result<void> finish(lens_status status) {
        rethrow();
        return detail::finish(status);
    }

private:
#if defined(__cpp_exceptions)
    static std::int32_t report(const lens_progress* progress, void* self) noexcept {
        auto& call = *static_cast<ProgressCall*>(self);
        try {
            return call.progress_(*progress) ? 0 : 1;
        } catch (...) {
            call.thrown_ = std::current_exception();
            return 1;
        }
    }

    void rethrow() {
        if (thrown_) {
            std::rethrow_exception(std::exchange(thrown_, nullptr));
        }
    }

    std::exception_ptr thrown_;
#else
    static std::int32_t report(const lens_progress* progress, void* self) noexcept {
        return static_cast<ProgressCall*>(self)->progress_(*progress) ? 0 : 1;
    }

    void rethrow() noexcept {}
#endif

    Progress progress_;
};

template <typename Options, void (*Init)(Options*)>
Options defaults() noexcept {
    Options options;
    Init(&options);
    return options;
}

inline std::size_t bytes_per_pixel(lens_pixel_format format) noexcept {
    switch (format) {
        case LENS_PIXEL_FORMAT_GRAY16:
        case LENS_PIXEL_FORMAT_GRAY_S16:
            return 2;
        case LENS_PIXEL_FORMAT_RGB8:
        case LENS_PIXEL_FORMAT_BGR8:
            return 3;
        case LENS_PIXEL_FORMAT_GRAY_F32:
        case LENS_PIXEL_FORMAT_RGBA8:
        case LENS_PIXEL_FORMAT_BGRA8:
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
inline lens_import_options import_options() noexcept {
    return detail::defaults<lens_import_options, lens_import_options_init>();
}
inline lens_optimize_options optimize_options() noexcept {
    return detail::defaults<lens_optimize_options, lens_optimize_options_init>();
}
inline lens_read_options read_options() noexcept {
    return detail::defaults<lens_read_options, lens_read_options_init>();
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
 * for stored bits, rescaling, window, lookup table and inversion are zero (none) and may be set afterwards.
 *
 * @param row_stride Bytes from one row to the next; 0: rows without gaps.
 */
inline lens_image image(const void* pixels, std::uint32_t width, std::uint32_t height,
                        lens_pixel_format format = LENS_PIXEL_FORMAT_GRAY8, std::size_t row_stride = 0) noexcept {
    lens_image view{};
    view.pixels = pixels;
    view.width = width;
    view.height = height;
    view.format = format;
    view.row_stride = row_stride != 0 ? row_stride : width * detail::bytes_per_pixel(format);
    return view;
}

/** Writes an image as a PNG file, atomically. Thread-safe. */
inline Result<void> write_png(CString path, const lens_image& image) {
    return detail::finish(lens_png_write(path.c_str(), &image));
}

/** The figures of a report of Model::evaluate(), or of a report.json that it wrote, as numbers. Thread-safe. */
inline Result<lens_metrics> metrics(CString report) {
    lens_metrics made;
    const lens_status status = lens_metrics_read(report.c_str(), &made);
    return detail::finish(status, std::move(made));
}

/** Stops long calls: put get() into their options' cancel field, and trigger() from any thread. Thread-safe. */
class CancelToken : public detail::Handle<lens_cancel_token, lens_cancel_token_free> {
public:
    using Handle::Handle;

    static Result<CancelToken> create() { return detail::made<CancelToken>(lens_cancel_token_new); }

#if defined(__cpp_exceptions)
    CancelToken() : CancelToken(create()) {}
#endif

    /** Each call that carries the token ends within one batch with LENS_CANCELLED. */
    Result<void> trigger() const { return detail::finish(lens_cancel_token_trigger(get())); }

    /** Makes a triggered token usable again. */
    Result<void> reset() const { return detail::finish(lens_cancel_token_reset(get())); }
};

/** A decoded image file. Immutable, so thread-safe. */
class ImageFile : public detail::Handle<lens_image_file, lens_image_file_free> {
public:
    using Handle::Handle;

    /** For images that a model is to see: with Model::read_options(). */
    static Result<ImageFile> load(CString path, std::uint32_t frame = 0,
                                  const lens_read_options& options = lesionlens::read_options()) {
        return detail::made<ImageFile>(
            [&](lens_image_file** file) { return lens_image_file_load(path.c_str(), frame, &options, file); });
    }

#if defined(__cpp_exceptions)
    explicit ImageFile(CString path, std::uint32_t frame = 0,
                       const lens_read_options& options = lesionlens::read_options())
        : ImageFile(load(path, frame, options)) {}
#endif

    /** A view of the pixels, valid as long as this object lives and is not assigned to. */
    Result<lens_image> view() const& {
        lens_image image{};
        const lens_status status = lens_image_file_get_view(get(), &image);
        return detail::finish(status, image);
    }
    Result<lens_image> view() const&& = delete;

    /** How many frames the file has, or slices the series that it is of. */
    Result<std::uint32_t> frames() const {
        std::uint32_t frames = 0;
        const lens_status status = lens_image_file_get_frames(get(), &frames);
        return detail::finish(status, frames);
    }
};

/** A DICOM series as a volume: its slices in spatial order. Immutable, so thread-safe. */
class Series : public detail::Handle<lens_series, lens_series_free> {
public:
    using Handle::Handle;

    /** The series of a directory with this Series Instance UID; nullptr: the only one. */
    static Result<Series> open(CString directory, CString uid = nullptr) {
        return detail::made<Series>(
            [&](lens_series** series) { return lens_series_open(directory.c_str(), uid.c_str(), series); });
    }

#if defined(__cpp_exceptions)
    explicit Series(CString directory, CString uid = nullptr) : Series(open(directory, uid)) {}
#endif

    /** How many slices there are. */
    Result<std::uint32_t> slices() const {
        std::uint32_t slices = 0;
        const lens_status status = lens_series_get_slices(get(), &slices);
        return detail::finish(status, slices);
    }

    /** Decodes one slice, which outlives this object. For images that a model is to see: with Model::read_options(). */
    Result<ImageFile> load(std::uint32_t slice, const lens_read_options& options = lesionlens::read_options()) const {
        return detail::made<ImageFile>(
            [&](lens_image_file** file) { return lens_series_load(get(), slice, &options, file); });
    }

    /** UID, slices and notes, as JSON. */
    Result<std::string> describe() const {
        return detail::text_of([this](char** json) { return lens_series_describe(get(), json); });
    }
};

/** A heatmap. Immutable, so thread-safe; independent of the model and the image it was made from. */
class Heatmap : public detail::Handle<lens_heatmap, lens_heatmap_free> {
public:
    using Handle::Handle;

    Result<lens_heatmap_summary> summary() const {
        lens_heatmap_summary summary{};
        const lens_status status = lens_heatmap_get_summary(get(), &summary);
        return detail::finish(status, summary);
    }

    /** Probabilities, row by row, width x height; a view into this object. */
    Result<View<float>> values() const& {
        const float* values = nullptr;
        std::size_t count = 0;
        const lens_status status = lens_heatmap_get_values(get(), &values, &count);
        return detail::finish(status, View<float>(values, count));
    }
    Result<View<float>> values() const&& = delete;

    /** Tiles, row by row, columns x rows; a view into this object. */
    Result<View<lens_tile>> tiles() const& {
        const lens_tile* tiles = nullptr;
        std::size_t count = 0;
        const lens_status status = lens_heatmap_get_tiles(get(), &tiles, &count);
        return detail::finish(status, View<lens_tile>(tiles, count));
    }
    Result<View<lens_tile>> tiles() const&& = delete;

    /** The coloured heatmap over its image: RGBA, 8 bits each, rows without gaps. */
    Result<std::vector<std::uint8_t>> overlay(const lens_image& image,
                                              const lens_overlay_options& options = overlay_options()) const {
        lens_heatmap_summary figures{};
        lens_status status = lens_heatmap_get_summary(get(), &figures);
        const std::size_t stride = std::size_t{4} * figures.width;
        std::vector<std::uint8_t> rgba(stride * figures.height);
        if (status == LENS_OK) {
            status = lens_heatmap_overlay(get(), &image, &options, rgba.data(), stride);
        }
        return detail::finish(status, std::move(rgba));
    }

    /** The same into the caller's memory: stride bytes for each row of the heatmap. */
    Result<void> overlay(const lens_image& image, std::uint8_t* rgba, std::size_t stride,
                         const lens_overlay_options& options = overlay_options()) const {
        return detail::finish(lens_heatmap_overlay(get(), &image, &options, rgba, stride));
    }

    /**
     * One heatmap of several of the same size and with the same tiles, such as those of a cine's frames, and the index
     * of the one with the highest probability.
     */
    static Result<std::pair<Heatmap, std::size_t>> aggregate(View<Heatmap> heatmaps,
                                                             lens_aggregate how = LENS_AGGREGATE_MAX);
};

inline Result<std::pair<Heatmap, std::size_t>> Heatmap::aggregate(View<Heatmap> heatmaps, lens_aggregate how) {
    std::vector<const lens_heatmap*> handles;
    handles.reserve(heatmaps.size());
    for (const Heatmap& heatmap : heatmaps) {
        handles.push_back(heatmap.get());
    }
    lens_heatmap* made = nullptr;
    std::size_t best_frame = 0;
    const lens_status status = lens_heatmap_aggregate(handles.data(), handles.size(), how, &made, &best_frame);
    return detail::finish(status, std::pair<Heatmap, std::size_t>(Heatmap(made), best_frame));
}

/**
 * Labelled images. Thread-safe, also while samples are added; a running call works on the samples that were there when
 * it began.
 */
class Dataset : public detail::Handle<lens_dataset, lens_dataset_free> {
public:
    using Handle::Handle;

    /** An empty one, for add() and extend(). */
    static Result<Dataset> create() { return detail::made<Dataset>(lens_dataset_new); }

#if defined(__cpp_exceptions)
    /** An empty one, for add() and extend(). */
    Dataset() : Dataset(create()) {}
#endif

    /** Opens a directory: labels.csv and images/, or a folder per class. */
    static Result<Dataset> open(CString path, const lens_dataset_options& options = dataset_options()) {
        return detail::made<Dataset>(
            [&](lens_dataset** dataset) { return lens_dataset_open(path.c_str(), &options, dataset); });
    }

    /** Adds another directory; on failure the data set is as before. */
    Result<void> extend(CString path, const lens_dataset_options& options = dataset_options()) {
        return detail::finish(lens_dataset_extend(get_mutable(), path.c_str(), &options));
    }

    /** Adds one image (its pixels are copied) under a name of the caller's; nullptr: "sample 0", "sample 1", ... */
    Result<void> add(const lens_image& image, std::int32_t label, CString id = nullptr) {
        return detail::finish(lens_dataset_add(get_mutable(), &image, label, id.c_str()));
    }

    /** Two new data sets with about the same share of positives; this one stays as it is. */
    Result<std::pair<Dataset, Dataset>> split(double fraction, std::uint64_t seed) const {
        lens_dataset* first = nullptr;
        lens_dataset* second = nullptr;
        const lens_status status = lens_dataset_split(get(), fraction, seed, &first, &second);
        return detail::finish(status, std::pair<Dataset, Dataset>(Dataset(first), Dataset(second)));
    }

    /** Counts, roots and what was skipped, passed over and repeated, as JSON. */
    Result<std::string> describe() const {
        return detail::text_of([this](char** json) { return lens_dataset_describe(get(), json); });
    }
};

struct Calibrated;

/** A trained classifier. Immutable, so any number of threads may use one at once. Keeps its context alive. */
class Model : public detail::Handle<lens_model, lens_model_free> {
public:
    using Handle::Handle;

    /** How image files should be read for it. */
    Result<lens_read_options> read_options() const {
        lens_read_options options{};
        const lens_status status = lens_model_get_read_options(get(), &options);
        return detail::finish(status, options);
    }

    /** One result for each image, in their order. */
    Result<std::vector<lens_prediction>> classify(View<lens_image> images,
                                                  lens_classify_options options = classify_options(),
                                                  const Progress& progress = {}) const {
        detail::ProgressCall call(progress, options);
        std::vector<lens_prediction> predictions(images.size());
        const lens_status status = lens_classify(get(), images.data(), images.size(), &options, predictions.data());
        return call.finish(status, std::move(predictions));
    }

    Result<lens_prediction> classify(const lens_image& image, lens_classify_options options = classify_options(),
                                     const Progress& progress = {}) const {
        detail::ProgressCall call(progress, options);
        lens_prediction prediction{};
        const lens_status status = lens_classify(get(), &image, 1, &options, &prediction);
        return call.finish(status, prediction);
    }

    /** The same into the caller's memory, which must have room for as many results as there are images. */
    Result<void> classify(View<lens_image> images, Span<lens_prediction> predictions,
                          lens_classify_options options = classify_options(), const Progress& progress = {}) const {
        if (predictions.size() != images.size()) {
            return detail::fail<void>(LENS_ERROR_ARGUMENT,
                                      "predictions has room for " + std::to_string(predictions.size()) +
                                          " results, there are " + std::to_string(images.size()) + " images");
        }
        detail::ProgressCall call(progress, options);
        return call.finish(lens_classify(get(), images.data(), images.size(), &options, predictions.data()));
    }

    /** One heatmap for each image, in their order. */
    Result<std::vector<Heatmap>> heatmaps(View<lens_image> images, lens_heatmap_options options = heatmap_options(),
                                      const Progress& progress = {}) const {
        detail::ProgressCall call(progress, options);
        std::vector<lens_heatmap*> handles(images.size(), nullptr);
        std::vector<Heatmap> heatmaps;
        // Nothing may throw between the call and the handles having owners.
        heatmaps.reserve(images.size());
        const lens_status status = lens_heatmap_compute(get(), images.data(), images.size(), &options, handles.data());
        for (lens_heatmap* handle : handles) {
            heatmaps.emplace_back(handle);
        }
        return call.finish(status, std::move(heatmaps));
    }

    Result<Heatmap> heatmap(const lens_image& image, lens_heatmap_options options = heatmap_options(),
                        const Progress& progress = {}) const {
        detail::ProgressCall call(progress, options);
        lens_heatmap* handle = nullptr;
        const lens_status status = lens_heatmap_compute(get(), &image, 1, &options, &handle);
        return call.finish(status, Heatmap(handle));
    }

    /** Classifies every sample and compares with its label; the report, as JSON. */
    Result<std::string> evaluate(const Dataset& dataset, lens_evaluate_options options = evaluate_options(),
                                 const Progress& progress = {}) const {
        detail::ProgressCall call(progress, options);
        char* json = nullptr;
        const lens_status status = lens_evaluate(get(), dataset.get(), &options, &json);
        return call.finish(status, detail::copied(detail::Text(json)));
    }

    /** Compares heatmaps of a directory's images with its boxes.csv; the report, as JSON. */
    Result<std::string> localize(CString directory, lens_localize_options options = localize_options(),
                                 const Progress& progress = {}) const {
        detail::ProgressCall call(progress, options);
        char* json = nullptr;
        const lens_status status = lens_localize(get(), directory.c_str(), &options, &json);
        return call.finish(status, detail::copied(detail::Text(json)));
    }

    /** The same weights with temperature, threshold or both set on a data set; this model stays as it is. */
    Result<Calibrated> calibrate(const Dataset& dataset, lens_calibrate_options options = calibrate_options(),
                                 const Progress& progress = {}) const;

    /** Saves atomically; an existing file is replaced. */
    Result<void> save(CString path, lens_model_format format = LENS_MODEL_FORMAT_SAFETENSORS) const {
        return detail::finish(lens_model_save(get(), path.c_str(), format));
    }

    /** Writes what the reference pipeline calls the optimised variant, for PyTorch and libtorch. */
    Result<void> optimize(CString path, lens_optimize_options options = optimize_options()) const {
        return detail::finish(lens_model_optimize(get(), path.c_str(), &options));
    }

    /** Architecture, SHA-256, preprocessing, temperature, threshold and training record, as JSON. */
    Result<std::string> describe() const {
        return detail::text_of([this](char** json) { return lens_model_describe(get(), json); });
    }
};

/** A calibrated model, and the report of what calibration did, as JSON. */
struct Calibrated {
    Model model;
    std::string report;
};

inline Result<Calibrated> Model::calibrate(const Dataset& dataset, lens_calibrate_options options,
                                           const Progress& progress) const {
    detail::ProgressCall call(progress, options);
    lens_model* handle = nullptr;
    char* json = nullptr;
    const lens_status status = lens_model_calibrate(get(), dataset.get(), &options, &handle, &json);
    Model model(handle);
    return call.finish(status, Calibrated{std::move(model), detail::copied(detail::Text(json))});
}

/** A set-up library: device, precision, threads. Thread-safe; what is made from it keeps it alive. */
class Context : public detail::Handle<lens_context, lens_context_free> {
public:
    using Handle::Handle;

    /** The log callback's user_data must outlive everything that is made from the context. */
    static Result<Context> create(const lens_init_options& options = init_options()) {
        return detail::made<Context>([&](lens_context** context) { return lens_init(&options, context); });
    }

#if defined(__cpp_exceptions)
    /** As create(). */
    explicit Context(const lens_init_options& options = init_options()) : Context(create(options)) {}
#endif

    /** What was found and decided, as JSON. */
    Result<std::string> describe() const {
        return detail::text_of([this](char** json) { return lens_context_describe(get(), json); });
    }

    Result<Model> load_model(CString path) const {
        return detail::made<Model>(
            [&](lens_model** model) { return lens_model_load(get(), path.c_str(), model); });
    }

    /** Makes a model from weights of another program. */
    Result<Model> import_model(CString path, const lens_import_options& options = import_options()) const {
        return detail::made<Model>(
            [&](lens_model** model) { return lens_model_import(get(), path.c_str(), &options, model); });
    }

    /** Trains, and returns the model that is best on the validation set. */
    Result<Model> train(const Dataset& train, const Dataset& validation,
                        const lens_train_options& options = train_options(), const Progress& progress = {}) const {
        if (validation.get() == nullptr) {
            // NULL would mean: none.
            return detail::fail<Model>(LENS_ERROR_ARGUMENT,
                                       "validation was moved from; it must be a data set that is still owned");
        }
        return train_on(train, validation.get(), options, progress);
    }

    /** Trains without validation, and returns the model of the last epoch. */
    Result<Model> train(const Dataset& train, const lens_train_options& options = train_options(),
                        const Progress& progress = {}) const {
        return train_on(train, nullptr, options, progress);
    }

private:
    Result<Model> train_on(const Dataset& train, const lens_dataset* validation, lens_train_options options,
                           const Progress& progress) const {
        detail::ProgressCall call(progress, options);
        lens_model* handle = nullptr;
        const lens_status status = lens_train(get(), train.get(), validation, &options, &handle);
        return call.finish(status, Model(handle));
    }
};

}  // namespace throwing or returning

}  // namespace lesionlens

#if __cplusplus >= 202002L
template <typename T>
inline constexpr bool std::ranges::enable_borrowed_range<lesionlens::Span<T>> = true;
#endif

#endif  // LESIONLENS_HPP
