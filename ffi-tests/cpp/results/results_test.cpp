// The C++ header in a program built with -fno-exceptions: failures are Results, and nothing ends the process.
#include <array>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <vector>

#if __cplusplus >= 202002L
#include <span>
#endif

#include "lesionlens.hpp"

#if defined(__cpp_exceptions)
#error "to be built with -fno-exceptions"
#endif

namespace {

int failures = 0;

#define CHECK(condition)                                                             \
    do {                                                                             \
        if (!(condition)) {                                                          \
            ++failures;                                                              \
            std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
        }                                                                            \
    } while (false)

template <typename T>
bool failed_with(const lesionlens::Result<T>& result, lens_status status, const char* part) {
    return !result && result.error().status() == status && std::strstr(result.error().what(), part) != nullptr;
}

constexpr std::uint32_t side = 8;

lens_image field(std::vector<std::uint8_t>& pixels) {
    pixels.assign(side * side, 100);
    return lesionlens::image(pixels.data(), side, side);
}

void failures_are_results() {
    CHECK(failed_with(lesionlens::ImageFile::load("/nowhere/image.png"), LENS_ERROR_IO, "/nowhere/image.png"));
    auto options = lesionlens::init_options();
    options.abi_version = LENS_ABI_VERSION + 41;
    CHECK(failed_with(lesionlens::Context::create(options), LENS_ERROR_VERSION, "41"));
    std::vector<std::uint8_t> pixels;
    CHECK(failed_with(lesionlens::write_png("/nowhere/image.png", field(pixels)), LENS_ERROR_IO, "/nowhere"));
}

void values_come_out() {
    auto dataset = lesionlens::Dataset::create();
    CHECK(dataset.has_value());
    std::vector<std::uint8_t> pixels;
    const lens_image image = field(pixels);
    for (std::int32_t index = 0; index < 4; ++index) {
        CHECK(dataset->add(image, index % 2).has_value());
    }
    const auto added = dataset->add(image, 7);
    CHECK(failed_with(added, LENS_ERROR_ARGUMENT, "7"));
    const auto halves = dataset->split(0.5, 1);
    CHECK(halves.has_value());
    const auto text = halves->first.describe();
    CHECK(text && text->find("\"samples\":2") != std::string::npos);

    lesionlens::Dataset taken = *std::move(dataset);
    CHECK(taken.get() != nullptr && dataset->get() == nullptr);
    CHECK(failed_with(dataset->describe(), LENS_ERROR_ARGUMENT, "dataset"));
}

void a_token_is_made_and_used() {
    const auto token = lesionlens::CancelToken::create();
    CHECK(token && token->trigger() && token->reset());
}

#if __cplusplus >= 202002L
void spans_are_those_of_the_standard_library() {
    using lesionlens::Span;
    using lesionlens::View;
    static_assert(std::is_convertible_v<std::span<float>, View<float>>);
    static_assert(std::is_convertible_v<std::span<float>, Span<float>>);
    static_assert(!std::is_convertible_v<std::span<const float>, Span<float>>);
    static_assert(std::is_convertible_v<View<float>, std::span<const float>>);
    static_assert(std::is_convertible_v<Span<float>, std::span<float>>);
    std::array<float, 3> elements{1, 2, 3};
    const std::span<float> standard = Span<float>(elements);
    CHECK(standard.data() == elements.data() && standard.size() == 3);
}
#endif

void handles_only_move() {
    static_assert(!std::is_copy_constructible_v<lesionlens::Result<lesionlens::Model>>);
    static_assert(std::is_nothrow_move_constructible_v<lesionlens::Model>);
    static_assert(sizeof(lesionlens::Model) == sizeof(lens_model*));
    static_assert(!std::is_default_constructible_v<lesionlens::Context>);
}

}  // namespace

int main() {
    failures_are_results();
    values_come_out();
    a_token_is_made_and_used();
    handles_only_move();
#if __cplusplus >= 202002L
    spans_are_those_of_the_standard_library();
#endif
    return failures == 0 ? 0 : 1;
}
