/**
 * @file lesionlens.h
 * lesionlens: train, classify and draw heatmaps with DenseNet-121 from inside another program.
 *
 * Not a medical device.
 *
 * In the order of use: lens_init() makes a context, lens_model_load() or lens_train() a model, lens_classify() and
 * lens_heatmap_compute() say what the model sees in images. "The reference pipeline" is the Python project "Accelerating
 * medical diagnostics algorithms on AMD GPUs" (GPLv3, Transilvania University of Brasov), which this library
 * re-implements; defaults that are said to be its are those of its dense.py and gui.py.
 *
 * Errors. Every function that can fail returns a lens_status and writes results through its trailing out parameters, which
 * are NULL or zero on failure; the addresses of out parameters must not be NULL. lens_last_error() then says what was
 * wrong, with which value, and what would be right. Input is checked before anything changes. Nothing is printed, no
 * signal handler is installed, no exception or panic leaves the library, and the process is not ended.
 *
 * Ownership. Handles are opaque, and freed with lens_<type>_free(); NULL is a no-op. A handle keeps alive what it was made
 * from, so any order of freeing is safe. Pixels, paths and arrays that are handed over are read during the call only, unless
 * a function says otherwise. Strings that are handed out as char ** are freed with lens_string_free(); const char * results
 * and arrays that a handle hands out belong to the library or the handle.
 *
 * Threads. Handles may be used from several threads at once, except freeing. lens_init() may be called repeatedly and from
 * several threads. Progress callbacks run on the thread that made the call; log messages may come from any thread that calls
 * the library. A lens_cancel_token stops calls from any thread.
 *
 * Options. Options structs are filled by lens_<x>_options_init(&options) before fields are changed; NULL means all defaults.
 * "0 (default): the context's seed" reads: 0 stands for the context's seed, and is what the field is filled with.
 *
 * Growth. LENS_ABI_VERSION is 0 until the first release, and until then names and layouts may change. After it functions,
 * constants and trailing fields of options structs are only added: numbers are never reused, and programs that were built
 * with an older header go on working with a newer library (struct_size says which header a program was built with).
 *
 * Text is UTF-8.
 *
 * Generated from src/capi by `make header`; do not edit.
 */

#ifndef LESIONLENS_H
#define LESIONLENS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/*
 * Version, status and errors
 */

/**
 * The ABI this header describes. Compare with lens_abi_version(), or put it into lens_init_options.abi_version.
 */
#define LENS_ABI_VERSION 0

/**
 * The library's version, "major.minor.patch".
 *
 * @return A static string; do not free it.
 */
const char *lens_version(void);

/**
 * The ABI version of the loaded library; LENS_ABI_VERSION is that of the header.
 */
uint32_t lens_abi_version(void);

/**
 * Result of a call. Numbers are never reused.
 */
typedef int32_t lens_status;

/**
 * The call did what it says; its results are in the out parameters.
 */
#define LENS_OK 0

/**
 * An argument is wrong (NULL, out of range, malformed); nothing was changed.
 */
#define LENS_ERROR_ARGUMENT 1

/**
 * A file or directory cannot be read or written.
 */
#define LENS_ERROR_IO 2

/**
 * A file was read, but it is not what it should be (no image, no model, a broken table).
 */
#define LENS_ERROR_FORMAT 3

/**
 * The asked-for device cannot be used.
 */
#define LENS_ERROR_DEVICE 4

/**
 * Memory ran out: the machine's, or the device's.
 */
#define LENS_ERROR_OUT_OF_MEMORY 5

/**
 * The data set cannot serve the purpose (empty, one class only, ...).
 */
#define LENS_ERROR_DATA 6

/**
 * Header, library or libtorch do not belong together.
 */
#define LENS_ERROR_VERSION 7

/**
 * This version of the library cannot do that.
 */
#define LENS_ERROR_UNSUPPORTED 8

/**
 * A defect in the library, or in libtorch where that computes; the message carries what was caught.
 */
#define LENS_ERROR_INTERNAL 9

/**
 * The progress callback or the cancel token stopped the call; nothing half-written is left.
 */
#define LENS_CANCELLED 10

/**
 * The name of a status, such as "LENS_ERROR_IO"; "unknown lens_status" for any other number.
 *
 * @return A static string; do not free it. Never NULL. Leaves the last error alone.
 */
const char *lens_status_name(lens_status status);

/**
 * This thread's message about its last failed call: what was wrong, with which value, and what would be right.
 *
 * UTF-8; empty after a call that succeeded. The text stays valid until this thread's next call of a function that
 * returns a lens_status; the _free functions leave it alone, so cleaning up before reporting is fine.
 *
 * @return Never NULL; do not free it.
 */
const char *lens_last_error(void);

/**
 * Frees a string that a lens_ function handed out (such as JSON). NULL is a no-op.
 *
 * @param text A string from this library, not freed before.
 */
void lens_string_free(char *text);

/*
 * Handles
 */

/**
 * A decoded image file, for programs without a decoder of their own. Immutable, so thread-safe.
 */
typedef struct lens_image_file lens_image_file;

/**
 * A DICOM series as a volume: paths and places of its slices, no pixels. Immutable, so thread-safe.
 */
typedef struct lens_series lens_series;

/**
 * Stops long calls from another thread: put it into the options of a call, and trigger it at any time. One token may
 * serve several calls. All its functions may be called from any thread at any time, except free.
 */
typedef struct lens_cancel_token lens_cancel_token;

/**
 * A configured instance of the library: device, precision, threads. Everything made from it keeps it alive. Thread-safe.
 *
 * In the child of a fork() it works as in the parent, as everything made from it does, with threads that the child starts for
 * itself; so does freeing. Where libtorch was loaded before the fork, what needs libtorch fails in the child with
 * LENS_ERROR_UNSUPPORTED.
 *
 * On a GPU, calls that come from several threads through one context take turns, batch by batch, in the order in which
 * they asked: a long call delays a short one by a batch per caller before it. On CPU they run beside each other.
 */
typedef struct lens_context lens_context;

/**
 * Labelled images: files that are read when needed, and pixels that were handed over. Thread-safe; a running call
 * works on the samples that were there when it began. In the child of a fork() that came while another thread was adding to
 * it, it is lost: calls return LENS_ERROR_DATA.
 */
typedef struct lens_dataset lens_dataset;

/**
 * A trained classifier with its preprocessing, threshold and training record. Immutable, so thread-safe: any number of
 * threads may classify with it at once, also in the child of a fork(), where it gives the same bits. Keeps its context alive.
 */
typedef struct lens_model lens_model;

/**
 * A heatmap: a value for every pixel of an image, and the grid of tiles it was made from. Immutable, so thread-safe;
 * independent of the model and the image.
 */
typedef struct lens_heatmap lens_heatmap;

/*
 * Images
 */

/**
 * Layout of one pixel. Samples of more than 8 bits are in the machine's byte order and need no alignment.
 */
typedef int32_t lens_pixel_format;

/**
 * One unsigned 8-bit sample.
 */
#define LENS_PIXEL_FORMAT_GRAY8 0

/**
 * One unsigned 16-bit sample.
 */
#define LENS_PIXEL_FORMAT_GRAY16 1

/**
 * One signed 16-bit sample.
 */
#define LENS_PIXEL_FORMAT_GRAY_S16 2

/**
 * One 32-bit float; finite.
 */
#define LENS_PIXEL_FORMAT_GRAY_F32 3

/**
 * Red, green, blue, 8 bits each.
 */
#define LENS_PIXEL_FORMAT_RGB8 4

/**
 * Blue, green, red, 8 bits each.
 */
#define LENS_PIXEL_FORMAT_BGR8 5

/**
 * Red, green, blue, alpha, 8 bits each; alpha is ignored.
 */
#define LENS_PIXEL_FORMAT_RGBA8 6

/**
 * Blue, green, red, alpha, 8 bits each; alpha is ignored.
 */
#define LENS_PIXEL_FORMAT_BGRA8 7

/**
 * How a window turns rescaled values into 0..1, by VOI LUT Function (0028,1056) of PS3.3 C.11.2.1.2 and C.11.2.1.3.
 */
typedef int32_t lens_window_function;

/**
 * A line over width - 1 from half a unit below the center; for floats the same as LINEAR_EXACT.
 */
#define LENS_WINDOW_FUNCTION_LINEAR 0

/**
 * A line over the width around the center.
 */
#define LENS_WINDOW_FUNCTION_LINEAR_EXACT 1

/**
 * 1 / (1 + exp(-4 x (value - center) / width)).
 */
#define LENS_WINDOW_FUNCTION_SIGMOID 2

/**
 * A view of pixels in the caller's memory, which must stay valid and unchanged during the call it is given to, and no
 * longer. All fields zero except pixels, width, height and row_stride is a plain 8-bit gray image.
 *
 * Gray values become 0..1 like this: stored value x rescale_slope + rescale_intercept, then the window or the lookup table
 * (DICOM's VOI LUT, PS3.3 C.11.2; values outside are clipped), then inversion. Without both the full stored range
 * maps to 0..1: 0 .. 2^bits_stored - 1, for signed samples -2^(bits_stored-1) .. 2^(bits_stored-1) - 1; rescaling then
 * changes nothing, but for a negative slope, which turns the range round. Colour has no rescaling, window, lookup table or
 * inversion: they are refused there.
 */
typedef struct lens_image {
    /**
     * The first row's first pixel.
     */
    const void *pixels;
    /**
     * Pixels in a row, 1 to 65536.
     */
    uint32_t width;
    /**
     * Rows, 1 to 65536; width x height at most 2^30.
     */
    uint32_t height;
    /**
     * Bytes from one row's first pixel to the next row's; at least width x bytes per pixel.
     */
    size_t row_stride;
    /**
     * LENS_PIXEL_FORMAT_...
     */
    lens_pixel_format format;
    /**
     * How many low bits of a 16-bit sample carry the value, 1 to 16; 0: all. For 8-bit formats 0 or 8, for floats 0.
     * Samples outside 0 .. 2^bits_stored - 1 (signed: -2^(bits_stored-1) .. 2^(bits_stored-1) - 1) are refused.
     */
    uint32_t bits_stored;
    /**
     * Gray formats: slope of the stored value; 0 is read as 1.
     */
    double rescale_slope;
    /**
     * Gray formats: added after the slope.
     */
    double rescale_intercept;
    /**
     * Gray formats: middle of the window, in rescaled units. Unused when window_width is 0.
     */
    double window_center;
    /**
     * Gray formats: width of the window, above 0 (LINEAR but for GRAY_F32: at least 1); 0: the full stored range (for
     * GRAY_F32 the rescaled values must lie in 0..1).
     */
    double window_width;
    /**
     * Gray formats: 1: MONOCHROME1 (0 is white), applied after window and table; 0: MONOCHROME2.
     */
    int32_t invert;
    /**
     * Gray formats: LENS_WINDOW_FUNCTION_...; LINEAR (0) without a window.
     */
    lens_window_function window_function;
    /**
     * Gray formats: a lookup table in the place of a window (window_width must be 0): what is seen for each whole
     * rescaled value, in the machine's byte order, valid as long as the pixels. Values between two entries get the lower
     * one's. NULL: none.
     */
    const uint16_t *lut_values;
    /**
     * Entries of the table, 1 to 65536; 0 without one.
     */
    uint32_t lut_entries;
    /**
     * The rescaled value of the first entry; values below get the first entry, values beyond the last the last.
     */
    int32_t lut_first;
    /**
     * Bits of the entries, 1 to 16: 2^lut_bits - 1 becomes 1, and larger entries are refused; 0 without a table.
     */
    uint32_t lut_bits;
    /**
     * Must be 0; other values are refused.
     */
    uint32_t reserved;
} lens_image;

/**
 * Which stored values of gray images become 0 to 1.
 */
typedef int32_t lens_display;

/**
 * As a viewer shows it: the file's window or lookup table, or, of more than 8 bits without one, from the smallest to
 * the largest value of the frame.
 */
#define LENS_DISPLAY_VIEWER 0

/**
 * All values that the stored bits can have, windows and VOI lookup tables left out; of floats, those of the frame. So
 * all frames of integers are shown alike.
 */
#define LENS_DISPLAY_FULL_RANGE 1

/**
 * Options of lens_image_file_load(). Fill with lens_read_options_init(), then change what you need.
 *
 * How image files are read. A model keeps what it was trained with, and files that are read for it are read so.
 */
typedef struct lens_read_options {
    /**
     * sizeof(lens_read_options); set by lens_read_options_init().
     */
    size_t struct_size;
    /**
     * Which stored values become 0 to 1. LENS_DISPLAY_...; default LENS_DISPLAY_VIEWER.
     */
    lens_display display;
    /**
     * Which window or VOI lookup table of a DICOM file is used, from 0, the windows in the file's order and then the
     * tables; frames without any take 0. Unused with the full range. Default 0.
     */
    uint32_t window;
    /**
     * Whether pictures that say that they lie on their side or are mirrored (tag 274 of TIFF and EXIF) are turned, and
     * slices of NIfTI files (by sform or qform) as DICOM images of their plane lie. 1: yes, 0: no; default 1.
     */
    int32_t apply_orientation;
} lens_read_options;

/**
 * Fills the options with their defaults; NULL is a no-op.
 */
void lens_read_options_init(lens_read_options *options);

/**
 * Decodes one frame of an image file: DICOM, NIfTI (.nii, .nii.gz), PNG, JPEG, BMP, WebP or TIFF.
 *
 * @param path UTF-8; a regular file.
 * @param frame From 0; the frames of a TIFF file are its pages, those of a NIfTI file its slices along the third axis and then
 *        those of further ones; PNG, JPEG, BMP and WebP files have one. For DICOM series see lens_series_open().
 * @param options How it is read; NULL for all defaults. For lens_classify() and the like as the model says it, see
 *        lens_model_get_read_options().
 * @param[out] file Receives the file; free it with lens_image_file_free(). NULL on failure.
 * @return LENS_OK; LENS_ERROR_IO when the file cannot be read; LENS_ERROR_FORMAT when it is no image or broken;
 *         LENS_ERROR_UNSUPPORTED when it is coded in a way that this version cannot decode;
 *         LENS_ERROR_ARGUMENT when there is no such frame or window.
 */
lens_status lens_image_file_load(const char *path,
                                 uint32_t frame,
                                 const lens_read_options *options,
                                 lens_image_file **file);

/**
 * A view of the file's pixels, to hand to lens_classify() and the like.
 *
 * @param[out] image Receives the view; valid until the file is freed. All zero on failure.
 */
lens_status lens_image_file_get_view(const lens_image_file *file, lens_image *image);

/**
 * How many frames the file on disk has, or slices the series, of which this is one.
 *
 * @param[out] frames Receives the number, at least 1; 0 on failure.
 */
lens_status lens_image_file_get_frames(const lens_image_file *file, uint32_t *frames);

/**
 * Frees the file; NULL is a no-op. Views of it become invalid.
 */
void lens_image_file_free(lens_image_file *file);

/**
 * Writes an image as a PNG file, atomically (a temporary file in the same directory, then renamed).
 *
 * Colour is written as it is, with alpha where there is one; gray as it is seen (rescaled, windowed, inverted), GRAY8
 * with 8 bits, deeper gray with 16.
 *
 * @param path UTF-8; an existing file is replaced.
 */
lens_status lens_png_write(const char *path, const lens_image *image);

/**
 * Finds the files of a DICOM series in a directory and those below it, and puts its slices in spatial order: by Image
 * Position (Patient) along the normal of their plane, axial slices from feet to head; without positions by Instance
 * Number. Only headers are read.
 *
 * Slices of another size or plane than the others, and multi-frame files, are series of their own, even with the same UID:
 * a UID that has several is refused. Frames of multi-frame files are also had by lens_image_file_load().
 *
 * @param directory UTF-8.
 * @param series_uid Series Instance UID; NULL: the directory must hold one series.
 * @param[out] series Receives the series; free it with lens_series_free(). NULL on failure.
 * @return LENS_OK; LENS_ERROR_IO when the directory or a file in it cannot be read; LENS_ERROR_FORMAT when a DICOM file is
 *         broken, or its position or plane is none; LENS_ERROR_UNSUPPORTED when its header is coded in a way that this
 *         version cannot read; LENS_ERROR_DATA when there are no DICOM images, no such series, or several
 *         (the message lists their UIDs and numbers of slices).
 */
lens_status lens_series_open(const char *directory,
                             const char *series_uid,
                             lens_series **series);

/**
 * How many slices the series has.
 *
 * @param[out] slices Receives the number, at least 1; 0 on failure.
 */
lens_status lens_series_get_slices(const lens_series *series, uint32_t *slices);

/**
 * Decodes one slice. Each has the window of its own file; without one it is stretched from its smallest to its largest
 * value, unless options say LENS_DISPLAY_FULL_RANGE.
 *
 * @param slice From 0, in spatial order.
 * @param options As for lens_image_file_load().
 * @param[out] file Receives the slice, which outlives the series; free it with lens_image_file_free(). NULL on failure.
 * @return As lens_image_file_load(); LENS_ERROR_ARGUMENT when there is no such slice or window.
 */
lens_status lens_series_load(const lens_series *series,
                             uint32_t slice,
                             const lens_read_options *options,
                             lens_image_file **file);

/**
 * The series as JSON: "uid", "description" and "modality" (null where files do not say them), "width", "height"; "slices"
 * in order, each with "path", "frame" (of that file, from 0) and "position_mm" (along the normal of its plane; null where not
 * known); "notes", in words: gaps, repeated or missing positions, files that were left out.
 *
 * @param[out] json Receives the text; free it with lens_string_free(). NULL on failure.
 */
lens_status lens_series_describe(const lens_series *series,
                                 char **json);

/**
 * Frees the series; NULL is a no-op.
 */
void lens_series_free(lens_series *series);

/*
 * Progress and cancelling
 */

/**
 * Phase of a long call.
 */
typedef int32_t lens_phase;

/**
 * Reading and decoding images; done and total count images.
 */
#define LENS_PHASE_LOAD 0

/**
 * Training; done and total count samples of the epoch.
 */
#define LENS_PHASE_TRAIN 1

/**
 * Validating after an epoch; done and total count samples.
 */
#define LENS_PHASE_VALIDATE 2

/**
 * Classifying; done and total count images.
 */
#define LENS_PHASE_CLASSIFY 3

/**
 * Drawing heatmaps; done and total count what goes through the network over all images of the call: tiles, or images.
 */
#define LENS_PHASE_HEATMAP 4

/**
 * Evaluating, calibrating or localising, or measuring activations for 8 bits; done and total count images.
 */
#define LENS_PHASE_EVALUATE 5

/**
 * How far a long call is. Valid during the callback only.
 */
typedef struct lens_progress {
    /**
     * sizeof(lens_progress) of the library; fields beyond those of the header that the program was built with are to
     * be ignored.
     */
    size_t struct_size;
    /**
     * What is being done (LENS_PHASE_...).
     */
    lens_phase phase;
    /**
     * Epoch, from 1; 0 outside training.
     */
    uint32_t epoch;
    /**
     * Epochs in all; 0 outside training.
     */
    uint32_t epochs;
    /**
     * Items of this phase done so far.
     */
    uint64_t done;
    /**
     * Items of this phase in all.
     */
    uint64_t total;
    /**
     * Mean loss of the epoch so far; NaN where there is none.
     */
    double loss;
    /**
     * The best value so far of the metric that select_by names (accuracy or AUC in 0..1, or the validation loss); NaN before the first
     * validation and outside training.
     */
    double metric;
    /**
     * Estimated seconds until the whole call is done; negative while unknown.
     */
    double seconds_left;
} lens_progress;

/**
 * Called by long calls on the thread that made the call, about once a batch.
 *
 * It must not throw or longjmp through the library. It may call other lens_ functions. Where it forks, the call goes on in the
 * parent, and ends in the child with LENS_ERROR_UNSUPPORTED once the callback has returned.
 *
 * @param progress How far the call is; valid during the callback only.
 * @param user_data The pointer given beside the callback.
 * @return 0 to go on; anything else stops the call with LENS_CANCELLED.
 */
typedef int32_t (*lens_progress_fn)(const lens_progress *progress, void *user_data);

/**
 * Makes a token that is not triggered.
 *
 * @param[out] token Receives the token; free it with lens_cancel_token_free().
 */
lens_status lens_cancel_token_new(lens_cancel_token **token);

/**
 * Asks every call that carries the token to stop: each ends within one batch with LENS_CANCELLED. Not
 * async-signal-safe: call it from a thread (sigwait, a pipe), never from a signal handler.
 */
lens_status lens_cancel_token_trigger(const lens_cancel_token *token);

/**
 * Makes a triggered token usable again.
 */
lens_status lens_cancel_token_reset(const lens_cancel_token *token);

/**
 * Frees the token; NULL is a no-op. A running call that carries it keeps what it needs of it.
 */
void lens_cancel_token_free(lens_cancel_token *token);

/*
 * Setting up
 */

/**
 * How important a message is; the log is told messages of a level and of those before it.
 */
typedef int32_t lens_log_level;

/**
 * A call failed, or cannot go on as it should.
 */
#define LENS_LOG_LEVEL_ERROR 0

/**
 * Something is not as asked for.
 */
#define LENS_LOG_LEVEL_WARNING 1

/**
 * What was chosen and done.
 */
#define LENS_LOG_LEVEL_INFO 2

/**
 * Details.
 */
#define LENS_LOG_LEVEL_DEBUG 3

/**
 * Receives log messages, from any thread that calls the library, possibly several at once. It must not throw or
 * longjmp through the library.
 *
 * @param level LENS_LOG_LEVEL_...
 * @param message UTF-8; valid during the callback only.
 * @param user_data The pointer given beside the callback; it must stay valid as long as the context or anything made
 *        from it lives.
 */
typedef void (*lens_log_fn)(lens_log_level level, const char *message, void *user_data);

/**
 * Where to compute.
 */
typedef int32_t lens_device;

/**
 * The first that works: an NVIDIA GPU, an AMD GPU that libtorch has kernels for, the CPU. The choice and its reason,
 * with why others were passed over, are in the context's description; a GPU that was tried and does not work is a
 * warning in the log.
 */
#define LENS_DEVICE_AUTO 0

/**
 * The CPU.
 */
#define LENS_DEVICE_CPU 1

/**
 * An NVIDIA GPU.
 */
#define LENS_DEVICE_CUDA 2

/**
 * An AMD GPU.
 */
#define LENS_DEVICE_ROCM 3

/**
 * Arithmetic of the network's layers. Heatmaps are always accumulated in 32-bit floats.
 */
typedef int32_t lens_precision;

/**
 * NVIDIA: bf16 from Ampere on, else fp16. AMD: bf16 on CDNA, else fp16. CPU: f32.
 */
#define LENS_PRECISION_AUTO 0

/**
 * 32-bit floats.
 */
#define LENS_PRECISION_F32 1

/**
 * bfloat16 with f32 weights. On CPU slower than F32, for trying out what a GPU will do.
 */
#define LENS_PRECISION_BF16 2

/**
 * IEEE half precision with f32 weights; training scales the loss. On CPU slower than F32, for trying out what a GPU
 * will do.
 */
#define LENS_PRECISION_F16 3

/**
 * 8-bit integers, on CPUs with AVX-512 VNNI: the convolutions but the first, of models that were optimised for it,
 * when they classify; everything else in 32-bit floats, and other models altogether.
 */
#define LENS_PRECISION_INT8 4

/**
 * Which environment variables are set for the AMD runtime before it is loaded. What the program that embeds the
 * library or its user set wins.
 */
typedef int32_t lens_rocm_tuning;

/**
 * Those that are safe for the GPU that is there.
 */
#define LENS_ROCM_TUNING_AUTO 0

/**
 * Exactly the ten values of the reference pipeline.
 */
#define LENS_ROCM_TUNING_REFERENCE 1

/**
 * None.
 */
#define LENS_ROCM_TUNING_OFF 2

/**
 * What computes on the CPU. A plan is the library's own engine, in 32-bit floats (with the precision INT8 in 8-bit
 * integers): when it classifies, draws heatmaps or evaluates, with the network compiled for some instructions; when it
 * trains, with the widest that the processor has. Each model's plan is compared with the network computed layer by
 * layer, on test images, when it is needed first, and where it does not give the same, that reference network computes
 * the model, slowly, and the log is told (a warning). A model's description and reports name what computes. For one
 * model, size of image and plan, results are the same bits for any batch and any number of threads.
 */
typedef int32_t lens_engine;

/**
 * On the CPU in f32 a plan for the widest instructions; on GPUs and in half precision libtorch.
 */
#define LENS_ENGINE_AUTO 0

/**
 * libtorch, also for training; needs liblesionlens_torch.so.
 */
#define LENS_ENGINE_TORCH 1

/**
 * A plan for the widest instructions that the processor has.
 */
#define LENS_ENGINE_PLAN 2

/**
 * A plan for AVX2 and FMA.
 */
#define LENS_ENGINE_PLAN_AVX2 3

/**
 * A plan for what every processor has; slow.
 */
#define LENS_ENGINE_PLAN_PORTABLE 4

/**
 * Options of lens_init(). Fill with lens_init_options_init(), then change what you need.
 *
 * What a context is made from.
 */
typedef struct lens_init_options {
    /**
     * sizeof(lens_init_options); set by lens_init_options_init().
     */
    size_t struct_size;
    /**
     * LENS_ABI_VERSION of the header the program was built with, to have it compared with the library's; default
     * UINT32_MAX: not compared.
     */
    uint32_t abi_version;
    /**
     * Receives log messages; default NULL: none.
     */
    lens_log_fn log;
    /**
     * Handed to log.
     */
    void *log_user_data;
    /**
     * Where to compute. LENS_DEVICE_...; default LENS_DEVICE_AUTO.
     */
    lens_device device;
    /**
     * Which of several GPUs, from 0. The CPU has index 0 only. 0 or more; default 0.
     */
    int32_t device_index;
    /**
     * Arithmetic of the network's layers. INT8 is refused where it cannot be computed. LENS_PRECISION_...; default
     * LENS_PRECISION_AUTO.
     */
    lens_precision precision;
    /**
     * Directory that holds libtorch's libraries, should libtorch be needed. It must hold libtorch_cpu.so of the
     * version that liblesionlens_torch.so was built with, and where the process has loaded one, that one.
     * liblesionlens_torch.so is looked for here, too, before it is looked for beside this library. libtorch's library
     * for GPUs (libtorch_cuda.so or libtorch_hip.so) is looked for here, then beside the loaded libtorch_cpu.so. NULL
     * (default): the directory libtorch/lib beside liblesionlens_torch.so, where that was built, or what the process
     * has loaded.
     */
    const char *libtorch_dir;
    /**
     * CPU threads of one call. Threads of the library sleep when they have nothing to do; those of libtorch, where it
     * computes on the CPU, wait actively for each other. At most 1024; 0 (default): as many as the process may use
     * (container limits count).
     */
    uint32_t threads;
    /**
     * Which environment variables are set for the AMD runtime before it is loaded. LENS_ROCM_TUNING_...; default
     * LENS_ROCM_TUNING_AUTO.
     */
    lens_rocm_tuning rocm_tuning;
    /**
     * Upper bound, in bytes, for the memory of training, not counting the libraries themselves: its batches are cut
     * into parts to fit, and decoded images are kept as far as that leaves room. On a GPU it bounds the batches in the
     * GPU's memory and the images in the machine's. 0 (default): what is free at init, a quarter of it at most for
     * images.
     */
    uint64_t memory_cap;
    /**
     * Whether the same call with the same seed gives the same bits on the same machine; if not, faster algorithms that
     * do not (on GPUs) are allowed. 1: yes, 0: no; default 1.
     */
    int32_t deterministic;
    /**
     * Seed of everything random that is not given a seed of its own. Default 0.
     */
    uint64_t seed;
    /**
     * How much the log callback is told. LENS_LOG_LEVEL_...; default LENS_LOG_LEVEL_WARNING.
     */
    lens_log_level log_level;
    /**
     * What computes on the CPU. A plan is refused on a GPU (ask for the CPU), with the precisions BF16 and F16, and,
     * as PLAN_AVX2, on a processor without AVX2 and FMA. The precision INT8 needs AUTO or PLAN, on a processor with
     * AVX-512 VNNI. LENS_ENGINE_...; default LENS_ENGINE_AUTO.
     */
    lens_engine engine;
    /**
     * GPU: share of its memory that the process may take. Set once per process, through PYTORCH_ALLOC_CONF when
     * libtorch's library for GPUs is loaded; what the program that embeds the library or its user set there wins.
     * Above 0 and at most 1, or 0 (default): automatic, 0.85 on AMD, 1 on NVIDIA.
     */
    double memory_fraction;
    /**
     * GPU: training gives memory that is not in use back after so many batches, and every fifth epoch; 0: never. 0 or
     * more, or -1 (default): automatic, 100 on AMD, never on NVIDIA.
     */
    int32_t empty_cache_every;
    /**
     * Whether activations lie pixel by pixel (NHWC), or channel by channel (NCHW). The library's own engine always has
     * the former. 1: yes, 0: no, -1 (default): automatic, pixel by pixel.
     */
    int32_t channels_last;
    /**
     * NVIDIA: whether products of 32-bit floats may round their factors to TF32. 1: yes, 0: no, -1 (default):
     * automatic, on from Ampere on, unless precision is F32.
     */
    int32_t tf32;
    /**
     * GPU: whether cuDNN or MIOpen times its algorithms for each new shape, which can take seconds. 1: yes, 0: no, -1
     * (default): automatic, on where the GPU is AMD's, unless deterministic, as in the reference pipeline.
     */
    int32_t benchmark;
    /**
     * Whether the compiled network that a model's file may bring computes its logits. 1: yes, 0: no, -1 (default):
     * automatic, on, but not on AMD, as in the reference pipeline, nor where an engine was asked for.
     */
    int32_t compiled_graph;
    /**
     * Whether calls from several threads compute in turns, batch by batch and in the order they came, or at once. 1:
     * yes, 0: no, -1 (default): automatic, on for GPUs, whose memory then holds one batch at a time; on the CPU calls
     * share one pool of threads and run beside each other.
     */
    int32_t take_turns;
} lens_init_options;

/**
 * Fills the options with their defaults; NULL is a no-op.
 */
void lens_init_options_init(lens_init_options *options);

/**
 * Sets the library up: finds out what machine this is and decides how to use it. May be called repeatedly and from
 * several threads; each call makes a context of its own.
 *
 * This library needs nothing beyond the system's C library to classify, draw heatmaps, evaluate, calibrate and train on the
 * CPU, and then nothing else is loaded. liblesionlens_torch.so, with libtorch, is loaded here when the machine shows a GPU
 * that LENS_DEVICE_AUTO may use, or when a GPU, half precision or LENS_ENGINE_TORCH is asked for; and by lens_model_load(),
 * lens_model_save() and lens_model_optimize() for TorchScript, AOTInductor and PyTorch's own files that they read or write
 * through it. Where it is missing, LENS_DEVICE_AUTO goes on with the CPU and says why in lens_context_describe(), and what
 * cannot be done without it fails with what to install. What is loaded stays loaded.
 *
 * Where libtorch computes, the number of threads, TF32, benchmark and deterministic are libtorch's own settings and so hold
 * for the process: the context used last wins. When a GPU is to be used, call this early: libtorch looks for GPUs once, at
 * its first convolution if not before, so its library for GPUs must be loaded before anything in the process computes with
 * libtorch. Environment variables for the GPU's runtime are set just before that library is loaded (those in
 * lens_context_describe(), only ones that are not there yet), with setenv(), which is not safe while another thread of
 * the program reads the environment. On CPU nothing is set.
 *
 * @param options NULL for all defaults.
 * @param[out] context Receives the context; free it with lens_context_free(). NULL on failure.
 * @return LENS_OK; LENS_ERROR_ARGUMENT for an option out of range; LENS_ERROR_DEVICE when a device was asked for that
 *         cannot be used, with the reason; LENS_ERROR_UNSUPPORTED for a precision the device does not compute in,
 *         or when liblesionlens_torch.so is needed and cannot be loaded; LENS_ERROR_VERSION when header, libraries or
 *         libtorch do not fit; LENS_ERROR_IO when libtorch_dir holds none.
 */
lens_status lens_init(const lens_init_options *options,
                      lens_context **context);

/**
 * What was found and decided, as JSON: hardware, versions, policy with the reason for each choice, environment
 * variables set, kept and skipped.
 *
 * @param[out] json Receives the text; free it with lens_string_free(). NULL on failure.
 */
lens_status lens_context_describe(const lens_context *context, char **json);

/**
 * Frees the handle; NULL is a no-op. Models made from it go on working.
 */
void lens_context_free(lens_context *context);

/*
 * Data sets
 */

/**
 * Makes an empty data set, for lens_dataset_add() and lens_dataset_extend().
 *
 * @param[out] dataset Receives the data set; free it with lens_dataset_free().
 */
lens_status lens_dataset_new(lens_dataset **dataset);

/**
 * What to do with a file that is missing or cannot be decoded.
 */
typedef int32_t lens_on_unreadable;

/**
 * Fail with a message that names it.
 */
#define LENS_ON_UNREADABLE_FAIL 0

/**
 * Leave it out and count it: the data set's description, the training record and the evaluation report say how many
 * and name the first ones.
 */
#define LENS_ON_UNREADABLE_SKIP 1

/**
 * Options of lens_dataset_open(). Fill with lens_dataset_options_init(), then change what you need.
 *
 * How a directory of labelled images is read. The defaults are the reference pipeline's layout.
 */
typedef struct lens_dataset_options {
    /**
     * sizeof(lens_dataset_options); set by lens_dataset_options_init().
     */
    size_t struct_size;
    /**
     * labels.csv: name of the column with the file names, relative to image_directory. NULL (default):
     * "patch_filename".
     */
    const char *filename_column;
    /**
     * labels.csv: name of the column with the labels. NULL (default): "stenoza_label".
     */
    const char *label_column;
    /**
     * labels.csv: directory of the images, relative to the root. NULL (default): "images".
     */
    const char *image_directory;
    /**
     * The positive class: the value of the label column, or the name of the folder, that means positive; everything
     * else is negative. NULL (default): labels must be 0 or 1 (or false or true, no or yes), and of two folders the
     * second in byte order of their names is positive.
     */
    const char *positive_class;
    /**
     * What to do with files that are missing or cannot be decoded. Missing ones are found when the data set is opened,
     * undecodable ones when they are first used. LENS_ON_UNREADABLE_...; default LENS_ON_UNREADABLE_FAIL.
     */
    lens_on_unreadable on_unreadable;
    /**
     * labels.csv: name of the column with the frame of a multi-frame file, from 0, or nothing for frame 0. NULL
     * (default): "frame" if there is such a column, else frame 0 of every file.
     */
    const char *frame_column;
} lens_dataset_options;

/**
 * Fills the options with their defaults; NULL is a no-op.
 */
void lens_dataset_options_init(lens_dataset_options *options);

/**
 * Opens a directory of labelled images without decoding them: one that holds labels.csv and images/, or one folder
 * per class. Images are DICOM, NIfTI, PNG, JPEG, BMP, WebP or TIFF files; the frames of NIfTI files are slices. In class
 * folders and the folders below them they are found by their endings (dcm, nii, nii.gz, png, jpg, jpeg, bmp, webp, tif,
 * tiff) or, whatever their names are, by their first bytes.
 * Files that are no images are passed over and counted; lens_dataset_describe() says how many, and names some.
 *
 * labels.csv is UTF-8; its columns are separated by commas, semicolons or tabs. A row that names an image (and frame)
 * again with the same label is passed over and counted; with another label it is an error.
 *
 * @param path The root directory, UTF-8.
 * @param options NULL for all defaults.
 * @param[out] dataset Receives the data set; free it with lens_dataset_free(). NULL on failure.
 * @return LENS_OK; LENS_ERROR_IO when a directory or file cannot be read; LENS_ERROR_FORMAT when labels.csv lacks a
 *         column, is not UTF-8, has a label that is neither 0 nor 1 nor a word for them, or two for one image (the
 *         message names the lines); LENS_ERROR_DATA when there is
 *         neither labels.csv nor class folders, or nothing in them.
 */
lens_status lens_dataset_open(const char *path,
                              const lens_dataset_options *options,
                              lens_dataset **dataset);

/**
 * Adds another root directory to a data set. On failure the data set is as before.
 *
 * @param path As for lens_dataset_open().
 * @param options As for lens_dataset_open().
 */
lens_status lens_dataset_extend(lens_dataset *dataset, const char *path, const lens_dataset_options *options);

/**
 * Adds one image; its pixels are copied.
 *
 * @param image The pixels.
 * @param label 0 (negative) or 1 (positive).
 * @param id A name for reports, UTF-8; NULL: "sample 0", "sample 1", ...
 */
lens_status lens_dataset_add(lens_dataset *dataset, const lens_image *image, int32_t label, const char *id);

/**
 * Splits a data set into two new ones, class by class, so that both have about the same share of positives.
 *
 * @param fraction Share of the samples that go into first, above 0 and below 1.
 * @param seed The same seed gives the same split.
 * @param[out] first Receives a data set; free it with lens_dataset_free(). NULL on failure.
 * @param[out] second Receives the rest; free it with lens_dataset_free(). NULL on failure.
 * @return LENS_ERROR_DATA when one part would be empty.
 */
lens_status lens_dataset_split(const lens_dataset *dataset,
                               double fraction,
                               uint64_t seed,
                               lens_dataset **first,
                               lens_dataset **second);

/**
 * Counts of samples and labels, roots, and what was not used, as JSON: "skipped" (unreadable files, and why),
 * "passed_over" (files of class folders that are no images) and "repeated_rows" (of labels.csv), each with "count" and
 * the first 20 "files".
 *
 * @param[out] json Receives the text; free it with lens_string_free(). NULL on failure.
 */
lens_status lens_dataset_describe(const lens_dataset *dataset, char **json);

/**
 * Frees the data set; NULL is a no-op. Running calls go on with what they took of it.
 */
void lens_dataset_free(lens_dataset *dataset);

/*
 * Training
 */

/**
 * What makes an epoch's model better than the best so far, on the validation set. Ties keep the earlier epoch.
 */
typedef int32_t lens_select_by;

/**
 * Higher accuracy at the threshold.
 */
#define LENS_SELECT_BY_ACCURACY 0

/**
 * Higher area under the ROC curve; needs both classes in the validation set.
 */
#define LENS_SELECT_BY_AUC 1

/**
 * Lower loss.
 */
#define LENS_SELECT_BY_LOSS 2

/**
 * How gradients become steps.
 */
typedef int32_t lens_optimizer;

/**
 * Adam (Kingma and Ba 2015); weight decay is added to the gradients.
 */
#define LENS_OPTIMIZER_ADAM 0

/**
 * Adam with weight decay apart from the gradients (Loshchilov and Hutter 2019).
 */
#define LENS_OPTIMIZER_ADAMW 1

/**
 * Stochastic gradient descent with momentum; weight decay is added to the gradients.
 */
#define LENS_OPTIMIZER_SGD 2

/**
 * How the learning rate goes on after the warm-up.
 */
typedef int32_t lens_schedule;

/**
 * Constant.
 */
#define LENS_SCHEDULE_CONSTANT 0

/**
 * Down along half a cosine, to final_learning_rate at the last step (Loshchilov and Hutter 2017).
 */
#define LENS_SCHEDULE_COSINE 1

/**
 * Times plateau_factor whenever the validation loss (without a validation set, the training loss) has not fallen for
 * more than plateau_patience epochs; not below final_learning_rate.
 */
#define LENS_SCHEDULE_PLATEAU 2

/**
 * How the loss is scaled when the context computes in half precision (F16).
 */
typedef int32_t lens_grad_scaler;

/**
 * As suits the device.
 */
#define LENS_GRAD_SCALER_AUTO 0

/**
 * PyTorch's defaults: from 2^16, doubled after 2000 good steps in a row, halved after an overflow.
 */
#define LENS_GRAD_SCALER_STANDARD 1

/**
 * The reference pipeline's for AMD: from 2^12, times 1.5 after 1000 good steps in a row, times 0.7 after an overflow.
 */
#define LENS_GRAD_SCALER_AMD 2

/**
 * What the outputs of a head are.
 */
typedef int32_t lens_head_kind;

/**
 * As the program has it whose weights they are: findings for CheXNet's and torchxrayvision's. Of others two outputs
 * are taken for classes, and more are refused until it is said what they are.
 */
#define LENS_HEAD_KIND_AUTO 0

/**
 * Classes of which one is right, with a softmax over them. The logit is the output of the positive class minus that of
 * the negative class.
 */
#define LENS_HEAD_KIND_SOFTMAX 1

/**
 * Findings that are there or not, each with a sigmoid of its own. The logit is the output of the positive class.
 */
#define LENS_HEAD_KIND_SIGMOID 2

/**
 * What the network expects of its images' values.
 */
typedef int32_t lens_normalisation;

/**
 * As the program has it whose weights they are: CheXNet's and torchxrayvision's are known; of others none.
 */
#define LENS_NORMALISATION_AUTO 0

/**
 * The values as they are, 0..1.
 */
#define LENS_NORMALISATION_NONE 1

/**
 * Mean 0.485, 0.456, 0.406 and standard deviation 0.229, 0.224, 0.225 for red, green and blue, as torchvision's
 * weights from ImageNet want it.
 */
#define LENS_NORMALISATION_IMAGENET 2

/**
 * -1024 for black to 1024 for white, as torchxrayvision has it: mean 0.5, standard deviation 1 / 2048.
 */
#define LENS_NORMALISATION_TORCHXRAYVISION 3

/**
 * Options of lens_train(). Fill with lens_train_options_init(), then change what you need.
 *
 * How to train. The defaults are the reference pipeline's.
 */
typedef struct lens_train_options {
    /**
     * sizeof(lens_train_options); set by lens_train_options_init().
     */
    size_t struct_size;
    /**
     * A model with weights to start from, in place of start_weights; default NULL. The model itself is not changed.
     */
    const lens_model *start_model;
    /**
     * Called about once a batch; default NULL.
     */
    lens_progress_fn progress;
    /**
     * Handed to progress.
     */
    void *progress_user_data;
    /**
     * Stops the call when triggered; default NULL.
     */
    const lens_cancel_token *cancel;
    /**
     * Passes over as many samples as the training set has. 1 to 100000; default 20.
     */
    uint32_t epochs;
    /**
     * Samples of one optimiser step. 2 to 65536; default 128.
     */
    uint32_t batch_size;
    /**
     * Images are resized to this many pixels in width and height. Stored in the model. 32 to 4096; default 128.
     */
    uint32_t image_size;
    /**
     * Subtracted from the 0..1 values of red, green and blue before the network. Stored in the model. Default 0.
     */
    float mean[3];
    /**
     * Then red, green and blue are divided by it. Stored in the model. Above 0; default 1.
     */
    float standard_deviation[3];
    /**
     * What makes an epoch's model better than the best so far. Unused without a validation set. LENS_SELECT_BY_...;
     * default LENS_SELECT_BY_ACCURACY.
     */
    lens_select_by select_by;
    /**
     * Learning rate. The schedule varies it. Above 0 and at most 1; default 1e-4.
     */
    double learning_rate;
    /**
     * Weight of positive samples in the loss. Above 0, or 0 (default): negatives / positives of the training set.
     */
    double pos_weight;
    /**
     * Probability of mirroring left-right. 0 to 1; default 0.5.
     */
    double flip_horizontal;
    /**
     * Probability of mirroring up-down. 0 to 1; default 0.5.
     */
    double flip_vertical;
    /**
     * Rotation by a random angle of up to this many degrees either way; nearest neighbour, corners filled with 0. 0 to
     * 180; default 10.
     */
    double rotation_degrees;
    /**
     * Whether samples are drawn with replacement so that both classes come equally often; if not, each sample comes
     * once per epoch, shuffled. 1: yes, 0: no; default 1.
     */
    int32_t weighted_sampler;
    /**
     * Probability above which an image is called positive. Stored in the model. 0 to 1; default 0.5.
     */
    float threshold;
    /**
     * Seed of weights, sampling and augmentation. On CPU the same seed, data, options and number of threads give the
     * same weights bit for bit (where memory is too short for a whole batch, also the same micro_batch_size). 0
     * (default): the context's seed.
     */
    uint64_t seed;
    /**
     * How gradients become steps. LENS_OPTIMIZER_...; default LENS_OPTIMIZER_ADAM.
     */
    lens_optimizer optimizer;
    /**
     * Weight decay of the weights of convolutions and head; norms and biases have none. 0 to 1; default 0.
     */
    double weight_decay;
    /**
     * Momentum of SGD. 0 or more and below 1; default 0.9.
     */
    double momentum;
    /**
     * How the learning rate goes on after the warm-up. LENS_SCHEDULE_...; default LENS_SCHEDULE_CONSTANT.
     */
    lens_schedule schedule;
    /**
     * Epochs, not necessarily whole, in which the learning rate rises linearly from 0; at most epochs. 0 to 100000;
     * default 0.
     */
    double warmup_epochs;
    /**
     * Learning rate at which a cosine ends and below which a plateau does not go; at most learning_rate. 0 to 1;
     * default 0.
     */
    double final_learning_rate;
    /**
     * What a plateau multiplies the learning rate by. Above 0 and below 1; default 0.1.
     */
    double plateau_factor;
    /**
     * Epochs without a lower loss that a plateau waits. At most 100000; default 5.
     */
    uint32_t plateau_patience;
    /**
     * Epochs without a better model after which training ends. Needs a validation set. At most 100000; 0 (default):
     * training never ends early.
     */
    uint32_t early_stopping_patience;
    /**
     * Gradient clipping: largest L2 norm over all parameters; larger gradients are scaled down to it. Above 0, or 0
     * (default): no clipping.
     */
    double clip_norm;
    /**
     * Share of every label that is spread evenly over both classes. 0 or more and below 1; default 0.
     */
    double label_smoothing;
    /**
     * Decay of a moving average of weights and running statistics, for example 0.999: the average is then what is
     * validated and returned. In the first steps n it is at most (1 + n) / (10 + n). Above 0 and below 1, or 0
     * (default): no average.
     */
    double average_decay;
    /**
     * First epochs in which only the head is trained, on the features of the frozen backbone; at most epochs. The
     * optimiser starts anew after them. Of use with start weights. At most 100000; default 0.
     */
    uint32_t freeze_epochs;
    /**
     * Most images that go through the network at once: larger batches are made of several such parts, whose gradients
     * add up, and whose batch statistics are their own. When memory runs out all the same the parts are halved, and
     * nothing is lost. 2 to 65536, or 0 (default): the whole batch, or as many as fit into the memory that is free or
     * that memory_cap allows.
     */
    uint32_t micro_batch_size;
    /**
     * How the loss is scaled in half precision. Unused in F32 and BF16. LENS_GRAD_SCALER_...; default
     * LENS_GRAD_SCALER_AUTO.
     */
    lens_grad_scaler grad_scaler;
    /**
     * Directory (made when missing) of the run. It receives best.safetensors whenever the model gets better,
     * last.checkpoint (everything that is needed to go on) and curves.png after every epoch, and run.json at the end.
     * One run at a time; a directory with an unfinished run is refused unless resume is set. NULL (default): nothing
     * is written.
     */
    const char *run_directory;
    /**
     * Whether to go on from the run directory's last.checkpoint when there is one; options and data must be those of
     * the run (epochs may be more, except with a cosine schedule). The result is, on CPU bit for bit, that of a run
     * without the interruption, whenever and however it was interrupted. 1: yes, 0: no; default 0.
     */
    int32_t resume;
    /**
     * Minutes between checkpoints within an epoch; 0: after epochs (and when the call is cancelled) only. 0 to
     * 1000000; default 10.
     */
    double checkpoint_minutes;
    /**
     * File with weights to start from: whatever a model can be loaded from, and DenseNet-121 with a head of any number
     * of outputs, such as torchvision's densenet121-a639ec97.pth; a head that does not have one output is left out,
     * and a random one takes its place, unless head_positive, head_negative or head_kind says what to make of it. Of a
     * model file only the weights are taken. NULL (default): random, by torchvision's rule.
     */
    const char *start_weights;
    /**
     * The positive class of a head with several outputs: its number from 0, or its name where the program's classes
     * are known (CheXNet's and torchxrayvision's are). NULL (default): the second of two outputs; in training the head
     * is left out.
     */
    const char *head_positive;
    /**
     * The class that the positive one is set against where a softmax has more than two: the probability is then that
     * of the positive class given that it is one of these two. Named like head_positive. NULL (default): the other of
     * two outputs.
     */
    const char *head_negative;
    /**
     * What the outputs of a head with several are. LENS_HEAD_KIND_...; default LENS_HEAD_KIND_AUTO.
     */
    lens_head_kind head_kind;
    /**
     * What the network expects of its images' values. In training, mean and standard_deviation win over what is known
     * of the weights. LENS_NORMALISATION_...; default LENS_NORMALISATION_AUTO.
     */
    lens_normalisation normalisation;
    /**
     * Which stored values become 0 to 1. LENS_DISPLAY_...; default LENS_DISPLAY_VIEWER.
     */
    lens_display display;
    /**
     * Which window or VOI lookup table of a DICOM file is used, from 0, the windows in the file's order and then the
     * tables; frames without any take 0. Unused with the full range. Default 0.
     */
    uint32_t window;
    /**
     * Whether pictures that say that they lie on their side or are mirrored (tag 274 of TIFF and EXIF) are turned, and
     * slices of NIfTI files (by sform or qform) as DICOM images of their plane lie. 1: yes, 0: no; default 1.
     */
    int32_t apply_orientation;
} lens_train_options;

/**
 * Fills the options with their defaults; NULL is a no-op.
 */
void lens_train_options_init(lens_train_options *options);

/**
 * Trains DenseNet-121 with a one-logit head and returns the best model.
 *
 * After each epoch the model is validated, and kept when it is better by select_by; without a validation set the last
 * epoch's model is returned. All files are decoded once before the first epoch, so an unreadable one is found before any
 * training. The training record (options, data, every epoch's figures) is part of the model's description; with what is
 * known of the machine it is written to run_directory/run.json.
 *
 * On LENS_CANCELLED the checkpoint is written too. A file that cannot be written (a full disk) ends training with
 * LENS_ERROR_IO and leaves the file before it whole.
 *
 * @param train Needs both classes.
 * @param validation NULL: none.
 * @param options NULL for all defaults.
 * @param[out] model Receives the model; free it with lens_model_free(). NULL on failure and on LENS_CANCELLED.
 */
lens_status lens_train(const lens_context *context,
                       const lens_dataset *train,
                       const lens_dataset *validation,
                       const lens_train_options *options,
                       lens_model **model);

/*
 * Models
 */

/**
 * Loads a model.
 *
 * Reads .safetensors files written by lens_model_save(), and others that hold a DenseNet-121: .safetensors, and what
 * torch.save() wrote of a state dict, alone or in a checkpoint, as zip or legacy pickle. The format is told by content. A
 * pickle runs nothing: what asks for anything but tensors is refused by name. What lens_model_import() says of weights of
 * other programs holds, with all defaults.
 *
 * Two kinds of files bring the network compiled and need liblesionlens_torch.so, and lens_init_options.compiled_graph says
 * whether that computes the logits; heatmaps of activations and everything else come from the weights, which both kinds
 * have, too:
 * - TorchScript (torch.jit.save, not frozen) with torchvision's parameter names, or as lens_model_optimize() and the
 *   reference pipeline write it, with a last layer of 8-bit integers;
 * - AOTInductor packages (.pt2) made by the command lesionlens-export, for one kind of device.
 *
 * The compiled network is compared with the weights on test images when it is loaded. One that gives something else, or
 * cannot run here, is not used: a warning says why, and the engine computes as for other files. Such files are programs:
 * libtorch interprets what is in the one and runs the native code of the other (which it unpacks below TMPDIR while the
 * model lives), so load them only from where you would take a plugin from.
 *
 * A model from a file of weights keeps the file open, and its numbers only as the engine computes with them:
 * saving it, training from it, calibrating it for 8 bits, or images of a new size may read the file again. It may be
 * renamed, deleted or replaced meanwhile; when its content was overwritten, such a call returns LENS_ERROR_IO.
 *
 * @param path UTF-8; a regular file of at most 2 GiB.
 * @param[out] model Receives the model; free it with lens_model_free(). NULL on failure.
 * @return LENS_OK; LENS_ERROR_IO when the file cannot be read; LENS_ERROR_FORMAT when it is not such a model: the
 *         message lists missing, extra and misshapen parameters; LENS_ERROR_ARGUMENT when the head has several outputs and
 *         lens_model_import() must be told which is meant.
 */
lens_status lens_model_load(const lens_context *context,
                            const char *path,
                            lens_model **model);

/**
 * Options of lens_model_import(). Fill with lens_import_options_init(), then change what you need.
 *
 * How weights of other programs become a model.
 */
typedef struct lens_import_options {
    /**
     * sizeof(lens_import_options); set by lens_import_options_init().
     */
    size_t struct_size;
    /**
     * The positive class of a head with several outputs: its number from 0, or its name where the program's classes
     * are known (CheXNet's and torchxrayvision's are). NULL (default): the second of two outputs; in training the head
     * is left out.
     */
    const char *head_positive;
    /**
     * The class that the positive one is set against where a softmax has more than two: the probability is then that
     * of the positive class given that it is one of these two. Named like head_positive. NULL (default): the other of
     * two outputs.
     */
    const char *head_negative;
    /**
     * What the outputs of a head with several are. LENS_HEAD_KIND_...; default LENS_HEAD_KIND_AUTO.
     */
    lens_head_kind head_kind;
    /**
     * What the network expects of its images' values. In training, mean and standard_deviation win over what is known
     * of the weights. LENS_NORMALISATION_...; default LENS_NORMALISATION_AUTO.
     */
    lens_normalisation normalisation;
    /**
     * Images are resized to this many pixels in width and height before the network. 32 to 4096, or 0 (default): 224
     * for weights of CheXNet and torchxrayvision, 128 for others.
     */
    uint32_t image_size;
} lens_import_options;

/**
 * Fills the options with their defaults; NULL is a no-op.
 */
void lens_import_options_init(lens_import_options *options);

/**
 * Makes a model from weights of another program, as lens_model_load() does, and saying what they mean.
 *
 * The names may be torchvision's or timm's, torchvision's before 0.3, CheXNet's (model.pth.tar) or MONAI's, behind any
 * prefix that all parameters of the network have in common ("module.", "model.", "module.densenet121."). What is done to
 * the weights is logged (LENS_LOG_LEVEL_INFO, what is assumed as a warning), is "import" in lens_model_describe(), and stays
 * in the model when it is saved:
 * - a first convolution of one channel gets three, a third of it each: gray images give what they gave;
 * - of a head with two outputs the logit is the second minus the first (softmax), unless head_positive or head_kind says
 *   otherwise; of one with more outputs head_positive names the one that is meant. CheXNet's and torchxrayvision's outputs
 *   are known by name, and are findings, each with a sigmoid of its own;
 * - torchxrayvision's op_threshs becomes the threshold; of others it is 0.5;
 * - image_size and normalisation are those of CheXNet and torchxrayvision where it is their weights, else 128 px and none,
 *   which is wrong for weights that were trained otherwise: say how.
 *
 * @param path UTF-8; a regular file of at most 2 GiB.
 * @param options NULL for all defaults. Refused with a file that says itself what it expects: a model of this library, or
 *        a compiled network.
 * @param[out] model Receives the model; free it with lens_model_free(). NULL on failure.
 * @return As lens_model_load(); LENS_ERROR_ARGUMENT when an option does not suit the file: the message lists what would.
 */
lens_status lens_model_import(const lens_context *context,
                              const char *path,
                              const lens_import_options *options,
                              lens_model **model);

/**
 * File format of a saved model.
 */
typedef int32_t lens_model_format;

/**
 * safetensors with torchvision's DenseNet-121 parameter names; preprocessing, temperature, threshold and training
 * record in the file's metadata, under "lesionlens".
 */
#define LENS_MODEL_FORMAT_SAFETENSORS 0

/**
 * TorchScript, for PyTorch and libtorch, written through liblesionlens_torch.so: N x 1 logits, before the temperature,
 * of N x 3 x height x width 32-bit floats in 0..1, normalised as the metadata says (extra/lesionlens.json in the
 * archive).
 */
#define LENS_MODEL_FORMAT_TORCHSCRIPT 1

/**
 * ONNX (operators of version 17), for other runtimes; it is not read back. Input "image": batch x 3 x height x width
 * 32-bit floats, any batch, sides of at least 32, after the preprocessing that the metadata's "lesionlens" says
 * (JSON). Outputs "logit" and "probability": batch, at the model's temperature.
 */
#define LENS_MODEL_FORMAT_ONNX 2

/**
 * Saves a model, atomically (a temporary file in the same directory, then renamed).
 *
 * @param path UTF-8; an existing file is replaced.
 * @param format LENS_MODEL_FORMAT_...
 */
lens_status lens_model_save(const lens_model *model, const char *path, lens_model_format format);

/**
 * Architecture, SHA-256 of the weights, preprocessing, temperature, threshold, engine and training record, as JSON.
 *
 * "temperature" is what the network's output is divided by, 1 unless lens_model_calibrate() fitted it;
 * "temperature_record" and "operating_point" (null, or the rule, what it did, and on which data set) say where temperature
 * and threshold come from. "int8" is whether lens_model_optimize() calibrated it for LENS_PRECISION_INT8; "engine" is what
 * computes its logits: "plan-avx512", "plan-avx512-int8", "plan-avx2", "plan-portable", "reference", "torch",
 * "torchscript" or "aoti". "import" (null for models of this library) is what lens_model_import() did: "program" whose names
 * the parameters had, "prefix", "renamed" (tensors), "first_convolution", "head" ("outputs", "rule": "kept", "row" or
 * "difference", "positive" and "negative" with "index" and "name", "assumed", "meaning"), "normalisation", "threshold",
 * "left_out".
 *
 * "model_sha256" is taken over the weights alone (parameters in order of their names: name, shape, bytes), so it
 * stays the same however often the model is saved and loaded. "file_sha256" is that of the file the model was loaded
 * from, as sha256sum prints it, and null for a model that was not.
 *
 * @param[out] json Receives the text; free it with lens_string_free(). NULL on failure.
 */
lens_status lens_model_describe(const lens_model *model,
                                char **json);

/**
 * How the images that the model was trained with were read; how lens_image_file_load() should read those that it is to
 * classify.
 *
 * @param[out] options Filled as by lens_read_options_init(), but with the model's. All zero on failure.
 */
lens_status lens_model_get_read_options(const lens_model *model, lens_read_options *options);

/**
 * Frees the model; NULL is a no-op. Running calls go on with it.
 */
void lens_model_free(lens_model *model);

/**
 * Optimised variants of a model.
 */
typedef int32_t lens_optimized_variant;

/**
 * What the reference pipeline writes for the context's device: the state dict where the context computes on an AMD
 * GPU, else the 8-bit head.
 */
#define LENS_OPTIMIZED_VARIANT_AUTO 0

/**
 * TorchScript whose last layer multiplies 8-bit integers: weights rounded to steps of their largest magnitude / 127.5,
 * as PyTorch's quantize_dynamic() rounds them, and features to 7 bits, with the range that a batch has. So a logit
 * depends a little on the batch that its image is in. The network before it stays as it is.
 */
#define LENS_OPTIMIZED_VARIANT_INT8_HEAD 1

/**
 * What PyTorch's torch.save() writes of the state dict of torchvision's DenseNet-121 with one output.
 */
#define LENS_OPTIMIZED_VARIANT_STATE_DICT 2

/**
 * A model of this library (safetensors) that contexts of the precision INT8 classify with 8-bit convolutions: the same
 * weights, and how large activations become on images for calibration.
 */
#define LENS_OPTIMIZED_VARIANT_INT8 3

/**
 * Options of lens_model_optimize(). Fill with lens_optimize_options_init(), then change what you need.
 *
 * What to write as an optimised variant.
 */
typedef struct lens_optimize_options {
    /**
     * sizeof(lens_optimize_options); set by lens_optimize_options_init().
     */
    size_t struct_size;
    /**
     * LENS_OPTIMIZED_VARIANT_INT8: images like those to be classified, a few hundred of both classes; labels do not
     * matter. Default NULL, as all other variants want it.
     */
    const lens_dataset *calibration;
    /**
     * Called about once a batch; default NULL.
     */
    lens_progress_fn progress;
    /**
     * Handed to progress.
     */
    void *progress_user_data;
    /**
     * Stops the call when triggered; default NULL.
     */
    const lens_cancel_token *cancel;
    /**
     * Which variant is written. LENS_OPTIMIZED_VARIANT_...; default LENS_OPTIMIZED_VARIANT_AUTO.
     */
    lens_optimized_variant variant;
    /**
     * Images that go through the network at once in calibration for 8-bit convolutions. At most 65536; 0 (default):
     * automatic, 32 on the CPU, and on GPUs as many as have 4 million pixels.
     */
    uint32_t batch_limit;
} lens_optimize_options;

/**
 * Fills the options with their defaults; NULL is a no-op.
 */
void lens_optimize_options_init(lens_optimize_options *options);

/**
 * Writes an optimised variant of a model, which lens_model_load() reads: LENS_OPTIMIZED_VARIANT_INT8 for this library, or what
 * the reference pipeline calls optimised, for programs that load it with PyTorch or libtorch. Of the latter,
 * preprocessing, temperature, threshold and training record lie in the archive's entry extra/lesionlens.json.
 *
 * This library's own speed needs neither of the reference's: on a CPU a model of any file is compiled when it is loaded
 * (LENS_ENGINE_PLAN), which is faster; for NVIDIA see the command lesionlens-export.
 *
 * @param path UTF-8; an existing file is replaced, atomically.
 * @param options NULL for all defaults.
 * @return LENS_ERROR_DATA when no image for calibration can be read; LENS_CANCELLED, with nothing written.
 */
lens_status lens_model_optimize(const lens_model *model,
                                const char *path,
                                const lens_optimize_options *options);

/**
 * How a threshold is chosen.
 */
typedef int32_t lens_operating_point;

/**
 * The model's own: with a new temperature it moves so that the same images stay positive, up to rounding. 0.5 stays.
 */
#define LENS_OPERATING_POINT_KEEP 0

/**
 * The largest sensitivity + specificity - 1 (Youden's index); of equal ones the highest threshold.
 */
#define LENS_OPERATING_POINT_YOUDEN 1

/**
 * The highest threshold with at least target_sensitivity.
 */
#define LENS_OPERATING_POINT_SENSITIVITY 2

/**
 * Options of lens_model_calibrate(). Fill with lens_calibrate_options_init(), then change what you need.
 *
 * How to calibrate.
 */
typedef struct lens_calibrate_options {
    /**
     * sizeof(lens_calibrate_options); set by lens_calibrate_options_init().
     */
    size_t struct_size;
    /**
     * Called about once a batch; default NULL.
     */
    lens_progress_fn progress;
    /**
     * Handed to progress.
     */
    void *progress_user_data;
    /**
     * Stops the call when triggered; default NULL.
     */
    const lens_cancel_token *cancel;
    /**
     * Whether to fit the temperature. 1: yes, 0: no; default 1.
     */
    int32_t fit_temperature;
    /**
     * How the threshold is chosen. LENS_OPERATING_POINT_...; default LENS_OPERATING_POINT_KEEP.
     */
    lens_operating_point operating_point;
    /**
     * The sensitivity that the threshold has at least, where it is chosen for one. Above 0 and at most 1; default
     * 0.95.
     */
    double target_sensitivity;
    /**
     * Images that go through the network at once. At most 65536; 0 (default): automatic, 32 on the CPU, and on GPUs as
     * many as have 4 million pixels.
     */
    uint32_t batch_limit;
} lens_calibrate_options;

/**
 * Fills the options with their defaults; NULL is a no-op.
 */
void lens_calibrate_options_init(lens_calibrate_options *options);

/**
 * Makes a calibrated model: the same weights (and model_sha256) with another temperature, threshold, or both.
 *
 * Use a data set that the model was not trained on, and is not tested on afterwards: the validation set, or one of its
 * own. The temperature (Guo et al. 2017) divides the network's output; the one with the least mean log loss on the data
 * set is taken. It changes how far probabilities can be taken at their word, and no order among images: ROC AUC stays. It
 * applies to all that the new model says, heatmaps too; training that starts from the model starts at 1 again. Then the
 * threshold is chosen on the calibrated probabilities. Both are saved with the model, with where they come from.
 *
 * The report has "data" (fingerprint, samples, positives, negatives), "skipped", "before" and "after" (temperature,
 * threshold, log_loss, brier, ece, sensitivity, specificity), and "operating_point" as lens_model_describe() has it.
 *
 * @param options NULL for all defaults.
 * @param[out] calibrated Receives the new model; free it with lens_model_free(). NULL on failure. model stays as it is.
 * @param[out] json Receives the report; free it with lens_string_free(). NULL on failure.
 * @return LENS_ERROR_DATA when the data set lacks a class, when no temperature from 0.01 to 100 is best (the classes are
 *         separated without error, or told apart no better than chance), or when there is no such operating point.
 */
lens_status lens_model_calibrate(const lens_model *model,
                                 const lens_dataset *dataset,
                                 const lens_calibrate_options *options,
                                 lens_model **calibrated,
                                 char **json);

/*
 * Classifying
 */

/**
 * What the model says of one image.
 */
typedef struct lens_prediction {
    /**
     * Probability of the positive class, 0 to 1.
     */
    float probability;
    /**
     * The network's output over the model's temperature, log(p / (1 - p)).
     */
    float logit;
    /**
     * 1 when probability is greater than threshold, else 0.
     */
    int32_t label;
    /**
     * The threshold that was used.
     */
    float threshold;
} lens_prediction;

/**
 * Options of lens_classify(). Fill with lens_classify_options_init(), then change what you need.
 *
 * How to classify.
 */
typedef struct lens_classify_options {
    /**
     * sizeof(lens_classify_options); set by lens_classify_options_init().
     */
    size_t struct_size;
    /**
     * Called about once a batch; default NULL.
     */
    lens_progress_fn progress;
    /**
     * Handed to progress.
     */
    void *progress_user_data;
    /**
     * Stops the call when triggered; default NULL.
     */
    const lens_cancel_token *cancel;
    /**
     * Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own.
     */
    float threshold;
    /**
     * Images that go through the network at once. With the library's own engine results do not depend on it; with
     * libtorch beyond rounding. At most 65536; 0 (default): automatic, 32 on the CPU, and on GPUs as many as have 4
     * million pixels.
     */
    uint32_t batch_limit;
} lens_classify_options;

/**
 * Fills the options with their defaults; NULL is a no-op.
 */
void lens_classify_options_init(lens_classify_options *options);

/**
 * Classifies images. Each is converted to 0..1, resized to the model's input size and normalised as in training.
 *
 * All images are checked before the first is classified. May be called from several threads at once.
 *
 * @param images An array of count images; NULL when count is 0.
 * @param count How many.
 * @param options NULL for all defaults.
 * @param[out] predictions An array of count results, in the order of the images. All zero on failure.
 */
lens_status lens_classify(const lens_model *model,
                          const lens_image *images,
                          size_t count,
                          const lens_classify_options *options,
                          lens_prediction *predictions);

/*
 * Heatmaps
 */

/**
 * How a heatmap is made: which question it answers. None of them proves where a lesion is: they show what the model
 * goes by.
 */
typedef int32_t lens_heatmap_method;

/**
 * Overlapping tiles, each classified by itself: "which parts would be called positive if they were seen alone?" The
 * sharpest method for models trained on patches of the tile's size; it knows nothing of what is around a tile.
 */
#define LENS_HEATMAP_METHOD_TILES 0

/**
 * Class activation map (Zhou et al. 2016), one pass over the whole image: "which parts push the whole image's logit up
 * or down?" Each cell of the network's last feature map (every 32 pixels) adds its share; their mean is the logit,
 * exactly, for pooling and head are linear. The value is a share through the logistic function: above 0.5 speaks for
 * the positive class, below 0.5 against it. As cells see far beyond their 32 pixels, it is coarse.
 */
#define LENS_HEATMAP_METHOD_CAM 1

/**
 * Grad-CAM++ (Chattopadhay et al. 2018), one pass over the whole image: "where is the evidence for the positive class,
 * also when it shows in several places?" Channels that speak against it are left out. Values are relative to the
 * image's strongest cell, which has 1: they say where, not how much, and cannot be compared between images; a heatmap
 * without any evidence is 0 everywhere.
 */
#define LENS_HEATMAP_METHOD_GRAD_CAM_PLUS_PLUS 2

/**
 * Occlusion sensitivity (Zeiler and Fergus 2014): "which parts would the probability of the whole image fall without?"
 * The whole image goes through the network once for each tile, with the tile filled with the image's mean colour; the
 * value is the fall of the probability, 0 where it does not fall. The slowest method, and the only one that asks the
 * model as it is used; a finding that shows in two places does not fall when only one is hidden.
 */
#define LENS_HEATMAP_METHOD_OCCLUSION 3

/**
 * Where the last tiles go when the stride does not end at the border.
 */
typedef int32_t lens_edge;

/**
 * A last row and column of tiles flush with the border, so that every pixel is covered.
 */
#define LENS_EDGE_COVER 0

/**
 * No such tiles; pixels that no tile covers are 0, as in the reference pipeline.
 */
#define LENS_EDGE_REFERENCE 1

/**
 * How overlapping tiles are weighted where they meet.
 */
typedef int32_t lens_blend;

/**
 * Each tile counts the same in all its pixels, as in the reference pipeline.
 */
#define LENS_BLEND_MEAN 0

/**
 * A tile counts most in its middle: a Gaussian with a standard deviation of 1/8 of the tile, at least 1/1000 of its
 * peak, as in sliding-window inference of segmentation networks. Smoother heatmaps.
 */
#define LENS_BLEND_GAUSSIAN 1

/**
 * What a heatmap has a value for.
 */
typedef int32_t lens_heatmap_resolution;

/**
 * Every pixel of the image.
 */
#define LENS_HEATMAP_RESOLUTION_IMAGE 0

/**
 * Every tile: columns x rows values, for images whose heatmap would be too large. Such a heatmap cannot be laid over
 * an image; its tiles say where they lie.
 */
#define LENS_HEATMAP_RESOLUTION_TILES 1

/**
 * Options of lens_heatmap_compute(). Fill with lens_heatmap_options_init(), then change what you need.
 *
 * How to draw heatmaps. The defaults are the reference pipeline's tiles, on the image as it is, with every pixel
 * covered; the reference pipeline itself is resize_width = resize_height = 128, edge = reference, all else default.
 */
typedef struct lens_heatmap_options {
    /**
     * sizeof(lens_heatmap_options); set by lens_heatmap_options_init().
     */
    size_t struct_size;
    /**
     * Called about once a batch; default NULL.
     */
    lens_progress_fn progress;
    /**
     * Handed to progress.
     */
    void *progress_user_data;
    /**
     * Stops the call when triggered; default NULL.
     */
    const lens_cancel_token *cancel;
    /**
     * How a heatmap is made. LENS_HEATMAP_METHOD_...; default LENS_HEATMAP_METHOD_TILES.
     */
    lens_heatmap_method method;
    /**
     * Width and height of a tile in pixels of the resampled image. Tiles go into the network at this size, whatever
     * size it was trained at. 32 to 4096; default 64.
     */
    uint32_t tile_size;
    /**
     * Distance of tiles in pixels of the resampled image, at most tile_size. At most 4096; 0 (default): three quarters
     * of tile_size.
     */
    uint32_t stride;
    /**
     * Where the last tiles go when the stride does not end at the border. LENS_EDGE_...; default LENS_EDGE_COVER.
     */
    lens_edge edge;
    /**
     * How overlapping tiles are weighted where they meet. LENS_BLEND_...; default LENS_BLEND_MEAN.
     */
    lens_blend blend;
    /**
     * The image is resampled by this factor before tiling. The heatmap has the image's own size all the same. Above 0
     * and at most 16; default 1.
     */
    double scale;
    /**
     * Instead of scale: the image is resized to this width before tiling. Give both width and height, and leave scale
     * at 1. At most 65536; 0 (default): by scale.
     */
    uint32_t resize_width;
    /**
     * The height that belongs to resize_width. At most 65536; 0 (default): by scale.
     */
    uint32_t resize_height;
    /**
     * Tiles that go through the network at once; those of different images share a batch. It bounds the memory that
     * the call needs beside the heatmaps. For occlusion a batch holds as many whole images as fit into the pixels of
     * so many tiles, at least one; CAM and Grad-CAM++ take one image at a time. At most 65536; 0 (default): automatic,
     * 64 on the CPU, and on GPUs as many as have 4 million pixels (1024 of 64 x 64).
     */
    uint32_t batch_limit;
    /**
     * Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own.
     */
    float threshold;
    /**
     * What the heatmap has a value for. LENS_HEATMAP_RESOLUTION_...; default LENS_HEATMAP_RESOLUTION_IMAGE.
     */
    lens_heatmap_resolution resolution;
} lens_heatmap_options;

/**
 * Fills the options with their defaults; NULL is a no-op.
 */
void lens_heatmap_options_init(lens_heatmap_options *options);

/**
 * Draws a heatmap of each image, such as the frames of a cine.
 *
 * LENS_HEATMAP_METHOD_TILES: the value of a pixel is the (weighted) mean of the probabilities of the tiles that cover
 * it. An image (after resampling) smaller than a tile in either direction is classified whole, at its own size,
 * stretched where a side is under 32 pixels, and its heatmap is constant. Images are worked through in bands of rows,
 * so that one of any size needs little more memory than its heatmap (4 bytes a pixel; almost none with
 * LENS_HEATMAP_RESOLUTION_TILES) and its batches.
 *
 * The other methods put the whole image through the network, which takes several hundred bytes a pixel: after
 * resampling it must have at most 4096 x 4096 pixels. Tiles larger than the image are as large as the image.
 *
 * All images are checked before work begins. May be called from several threads at once.
 *
 * @param images An array of count images; NULL when count is 0.
 * @param count How many.
 * @param options NULL for all defaults.
 * @param[out] heatmaps An array that receives count heatmaps; free each with lens_heatmap_free(). All NULL on failure.
 */
lens_status lens_heatmap_compute(const lens_model *model,
                                 const lens_image *images,
                                 size_t count,
                                 const lens_heatmap_options *options,
                                 lens_heatmap **heatmaps);

/**
 * One tile (for LENS_HEATMAP_METHOD_CAM and _GRAD_CAM_PLUS_PLUS one cell of the network's feature map) in pixels of
 * the image.
 */
typedef struct lens_tile {
    /**
     * Left edge.
     */
    float x;
    /**
     * Upper edge.
     */
    float y;
    /**
     * Width.
     */
    float width;
    /**
     * Height.
     */
    float height;
    /**
     * Probability of the positive class, 0 to 1: of the tile alone; for LENS_HEATMAP_METHOD_CAM and
     * _GRAD_CAM_PLUS_PLUS the logistic function of what the cell adds to the logit; for LENS_HEATMAP_METHOD_OCCLUSION
     * of the image without the tile.
     */
    float probability;
    /**
     * The network's output that belongs to it, log(p / (1 - p)).
     */
    float logit;
} lens_tile;

/**
 * Summary of a heatmap.
 */
typedef struct lens_heatmap_summary {
    /**
     * Values in a row: the image's width in pixels; for LENS_HEATMAP_RESOLUTION_TILES columns.
     */
    uint32_t width;
    /**
     * Rows of values: the image's height in pixels; for LENS_HEATMAP_RESOLUTION_TILES rows.
     */
    uint32_t height;
    /**
     * Mean of the heatmap (the reference pipeline's confidence) over the pixels of the resampled image, whatever the
     * heatmap's resolution; of lens_heatmap_aggregate(), over the heatmap's values.
     */
    float mean;
    /**
     * Highest value of the heatmap, taken likewise.
     */
    float maximum;
    /**
     * Tiles in a row.
     */
    uint32_t columns;
    /**
     * Rows of tiles.
     */
    uint32_t rows;
    /**
     * Index, row by row, of the tile that matters most, the first of equals: with the highest probability; for
     * LENS_HEATMAP_METHOD_GRAD_CAM_PLUS_PLUS with the strongest evidence, for LENS_HEATMAP_METHOD_OCCLUSION with the
     * lowest probability, for that is of the image without it.
     */
    uint32_t hottest_tile;
    /**
     * What the heatmap says of the image: for LENS_HEATMAP_METHOD_TILES, the mean of the tiles' probabilities (and its
     * logit); for the other methods, what the model says of the whole image at the size it was given (lens_classify()
     * resizes it to the model's size).
     */
    lens_prediction prediction;
} lens_heatmap_summary;

/**
 * The heatmap's figures.
 *
 * @param[out] summary Receives them; all zero on failure.
 */
lens_status lens_heatmap_get_summary(const lens_heatmap *heatmap, lens_heatmap_summary *summary);

/**
 * The heatmap's values, 0 to 1, row by row, width x height of its summary without gaps: of the image's pixels, or with
 * LENS_HEATMAP_RESOLUTION_TILES one for each tile.
 *
 * @param[out] values Receives the address of the first value; valid until the heatmap is freed. NULL on failure.
 * @param[out] count Receives width x height; 0 on failure.
 */
lens_status lens_heatmap_get_values(const lens_heatmap *heatmap, const float **values, size_t *count);

/**
 * The heatmap's tiles, row by row.
 *
 * @param[out] tiles Receives the address of the first tile; valid until the heatmap is freed. NULL on failure.
 * @param[out] count Receives columns x rows; 0 on failure.
 */
lens_status lens_heatmap_get_tiles(const lens_heatmap *heatmap, const lens_tile **tiles, size_t *count);

/**
 * What is taken over several heatmaps.
 */
typedef int32_t lens_aggregate;

/**
 * The highest value of each pixel and tile: keeps findings of single frames.
 */
#define LENS_AGGREGATE_MAX 0

/**
 * The mean: keeps findings that persist.
 */
#define LENS_AGGREGATE_MEAN 1

/**
 * Makes one heatmap of several of the same size and with the same tiles, such as those of a cine's frames.
 *
 * The new heatmap's prediction is that of the best frame (LENS_AGGREGATE_MAX), or of the mean of the heatmaps'
 * probabilities with the first heatmap's threshold (LENS_AGGREGATE_MEAN). The heatmaps stay as they are.
 *
 * @param heatmaps An array of count heatmaps.
 * @param count How many, at least 1.
 * @param how LENS_AGGREGATE_...
 * @param[out] heatmap Receives the heatmap; free it with lens_heatmap_free(). NULL on failure.
 * @param[out] best_frame Receives the index of the heatmap with the highest probability, the first of equals; 0 on
 * failure.
 */
lens_status lens_heatmap_aggregate(const lens_heatmap *const *heatmaps,
                                   size_t count,
                                   lens_aggregate how,
                                   lens_heatmap **heatmap,
                                   size_t *best_frame);

/**
 * Frees the heatmap; NULL is a no-op. Its values and tiles become invalid.
 */
void lens_heatmap_free(lens_heatmap *heatmap);

/**
 * Colours of an overlay, from low to high.
 */
typedef int32_t lens_colormap;

/**
 * Black, purple, orange, yellow; the reference pipeline's overlays.
 */
#define LENS_COLORMAP_INFERNO 0

/**
 * White to dark red; the reference pipeline's sample sheet.
 */
#define LENS_COLORMAP_REDS 1

/**
 * Blue, green, yellow, red.
 */
#define LENS_COLORMAP_JET 2

/**
 * Black to white.
 */
#define LENS_COLORMAP_GRAY 3

/**
 * Which values get the lowest and the highest colour.
 */
typedef int32_t lens_overlay_scale;

/**
 * The heatmap's own lowest and highest value (a constant heatmap gets the lowest colour): shows where, not how much.
 */
#define LENS_OVERLAY_SCALE_MINMAX 0

/**
 * 0 and 1: shows how much, comparable between images.
 */
#define LENS_OVERLAY_SCALE_ABSOLUTE 1

/**
 * Options of lens_heatmap_overlay(). Fill with lens_overlay_options_init(), then change what you need.
 *
 * How to draw an overlay. The defaults are the reference pipeline's.
 */
typedef struct lens_overlay_options {
    /**
     * sizeof(lens_overlay_options); set by lens_overlay_options_init().
     */
    size_t struct_size;
    /**
     * Colours of the overlay. LENS_COLORMAP_...; default LENS_COLORMAP_INFERNO.
     */
    lens_colormap colormap;
    /**
     * Which values get the lowest and the highest colour. LENS_OVERLAY_SCALE_...; default LENS_OVERLAY_SCALE_MINMAX.
     */
    lens_overlay_scale scale;
    /**
     * Opacity of the colours: 0 shows the image only, 1 the colours only. 0 to 1; default 0.5.
     */
    float alpha;
    /**
     * Whether a bar of the colours is drawn inside the image at the right edge, half as high as it, with the values of
     * the lowest and the highest colour; without them where the image's shorter side is under 96 pixels. 1: yes, 0:
     * no; default 0.
     */
    int32_t color_bar;
    /**
     * How many of the hottest tiles are outlined; all when there are no more. Default 0.
     */
    uint32_t outline_tiles;
    /**
     * Values of the heatmap (0 to 1, whatever the scale) below this are not coloured: the image alone is seen there. 0
     * colours everything. 0 to 1; default 0.
     */
    float hide_below;
} lens_overlay_options;

/**
 * Fills the options with their defaults; NULL is a no-op.
 */
void lens_overlay_options_init(lens_overlay_options *options);

/**
 * Blends the coloured heatmap over its image.
 *
 * A heatmap with LENS_HEATMAP_RESOLUTION_TILES is refused: it has no values between the tiles, and tiles that are
 * blended overlap.
 *
 * @param image An image of the heatmap's size.
 * @param options NULL for all defaults.
 * @param[out] rgba Receives height rows of width RGBA pixels, 8 bits each, alpha 255; unchanged on failure.
 * @param stride Bytes from one row to the next, at least 4 x width.
 */
lens_status lens_heatmap_overlay(const lens_heatmap *heatmap,
                                 const lens_image *image,
                                 const lens_overlay_options *options,
                                 uint8_t *rgba,
                                 size_t stride);

/*
 * Evaluating
 */

/**
 * What makes an image flagged, that is, one whose heatmap an evaluation writes.
 */
typedef int32_t lens_flag_criterion;

/**
 * It was called positive, or its confidence reaches flag_confidence; the reference pipeline's default.
 */
#define LENS_FLAG_CRITERION_EITHER 0

/**
 * It was called positive.
 */
#define LENS_FLAG_CRITERION_PREDICTION 1

/**
 * Its confidence reaches flag_confidence.
 */
#define LENS_FLAG_CRITERION_CONFIDENCE 2

/**
 * Options of lens_evaluate(). Fill with lens_evaluate_options_init(), then change what you need.
 *
 * How to evaluate.
 */
typedef struct lens_evaluate_options {
    /**
     * sizeof(lens_evaluate_options); set by lens_evaluate_options_init().
     */
    size_t struct_size;
    /**
     * How heatmaps are drawn; its threshold, progress and cancel are not used, its resolution must be
     * LENS_HEATMAP_RESOLUTION_IMAGE. Default NULL: with by_heatmap lens_heatmap_compute()'s defaults, otherwise class
     * activation maps at the model's size, whose mean is the call's logit.
     */
    const lens_heatmap_options *heatmap;
    /**
     * Called about once a batch; default NULL.
     */
    lens_progress_fn progress;
    /**
     * Handed to progress.
     */
    void *progress_user_data;
    /**
     * Stops the call when triggered; default NULL.
     */
    const lens_cancel_token *cancel;
    /**
     * Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own.
     */
    float threshold;
    /**
     * Images that go through the network at once. At most 65536; 0 (default): automatic, 32 on the CPU, and on GPUs as
     * many as have 4 million pixels.
     */
    uint32_t batch_limit;
    /**
     * Directory (made when missing) that receives the report's files. NULL (default): nothing is written.
     */
    const char *output_dir;
    /**
     * Whether images are called by the mean of their heatmap's tiles, as in the reference pipeline, and not whole, at
     * the model's size. An image's confidence is the mean of its heatmap, or its probability. 1: yes, 0: no; default
     * 0.
     */
    int32_t by_heatmap;
    /**
     * Whether flagged images' heatmaps are written into flagged_raw/, as .npy (32-bit floats) and as 16-bit PNG. 1:
     * yes, 0: no; default 1.
     */
    int32_t save_heatmap_raw;
    /**
     * Whether flagged images' heatmaps are written over their images into flagged_overlays/. 1: yes, 0: no; default 1.
     */
    int32_t save_heatmap_overlay;
    /**
     * What makes an image flagged, that is, one whose heatmap is written. LENS_FLAG_CRITERION_...; default
     * LENS_FLAG_CRITERION_EITHER.
     */
    lens_flag_criterion flag_criterion;
    /**
     * Confidence from which on an image is flagged. 0 to 1; default 0.5.
     */
    float flag_confidence;
    /**
     * Share of flagged ones among the 12 images of sample_results.png. 0 to 1; default 0.75.
     */
    double sample_flagged_ratio;
    /**
     * The sensitivity that the operating point "sensitivity" has at least. Above 0 and at most 1; default 0.95.
     */
    double target_sensitivity;
    /**
     * Resampled data sets for the confidence intervals that have no formula. 100 to 1000000, or 0: no such intervals;
     * default 2000.
     */
    uint32_t bootstrap_samples;
    /**
     * Seed of the resampling. 0 (default): the context's seed.
     */
    uint64_t seed;
} lens_evaluate_options;

/**
 * Fills the options with their defaults; NULL is a no-op.
 */
void lens_evaluate_options_init(lens_evaluate_options *options);

/**
 * Classifies every sample of a data set and compares with its label.
 *
 * The report is JSON. Its figures are scikit-learn's of the probabilities in it, positive meaning a probability greater
 * than the threshold:
 *
 * - "metrics": accuracy, balanced_accuracy, sensitivity, specificity, ppv, npv, f1, mcc, roc_auc, pr_auc (average
 *   precision), brier, log_loss, ece (over the bins of "reliability"). One that does not exist is null, and "undefined"
 *   has the reason under its name; that of a missing interval is under <name>_interval, that of a missing operating
 *   point under operating_point_<name>.
 * - "intervals": of each metric its 95 % confidence interval: low, high, method. Methods: "wilson" for proportions;
 *   "delong" for roc_auc, on the logit scale; "bootstrap" for the rest: percentiles over bootstrap_samples data sets drawn
 *   regardless of class; resamples without the figure are left out, and counted in left_out.
 * - "confusion_matrix": true_negative, false_positive, false_negative, true_positive.
 * - "classification_report": negative, positive, macro_average and weighted_average, each with precision, recall, f1 and
 *   support; accuracy. A null is left out of the averages.
 * - "roc": thresholds (falling), false_positive_rate, true_positive_rate, without points in the middle of a straight
 *   line; null for samples of one class. "precision_recall": thresholds (rising, one less than points), precision, recall;
 *   null without positives. A point of a curve counts samples whose probability is at least its threshold, as
 *   scikit-learn does. The first threshold of "roc", above all probabilities, is null.
 * - "reliability": ten bins of equal width: low, high, count, mean_probability, share_positive (null when empty).
 * - "operating_points": "youden", with the largest sensitivity + specificity - 1 (of equal ones the highest threshold),
 *   and "sensitivity", the highest threshold with at least target_sensitivity; each with its threshold, sensitivity and
 *   specificity (value, low, high), and counts. Thresholds lie halfway between two probabilities.
 * - "results": every sample's result. "timings": images_per_second, decoding and classifying.
 *
 * With output_dir these files are written, all or none, and replace those of an earlier report: predictions.csv
 * (filename, filepath, true_label, predicted_label, prediction_confidence), report.json (what is returned),
 * report.html (the same to look at, with the images that were called wrongly; it needs no other file and no network),
 * confusion.png, roc.png, reliability.png, sample_results.png (12 images beside their heatmaps, Reds from 0 to 1,
 * alpha 0.8), and of every flagged image flagged_raw/NAME.npy, flagged_raw/NAME.png and flagged_overlays/NAME.png, where NAME is
 * heatmap_{number in the data set, 6 digits}_pred{pos|neg}_true{label}_conf{confidence, 3 decimals}_{file's stem}.
 * A directory flagged_raw or flagged_overlays with other files is refused.
 *
 * @param options NULL for all defaults.
 * @param[out] json Receives the report; free it with lens_string_free(). NULL on failure.
 * @return LENS_ERROR_DATA when the data set is empty.
 */
lens_status lens_evaluate(const lens_model *model,
                          const lens_dataset *dataset,
                          const lens_evaluate_options *options,
                          char **json);

/**
 * An estimate with its 95 % confidence interval. NaN: it, or its interval, does not exist for these samples; the report
 * says why.
 */
typedef struct lens_estimate {
    /**
     * The figure.
     */
    double value;
    /**
     * Lower end of its interval.
     */
    double low;
    /**
     * Upper end of its interval.
     */
    double high;
} lens_estimate;

/**
 * The figures of an evaluation. lens_evaluate() says how they are computed.
 */
typedef struct lens_metrics {
    /**
     * Samples that were classified.
     */
    uint64_t samples;
    /**
     * Negative samples that were called negative.
     */
    uint64_t true_negative;
    /**
     * Negative samples that were called positive.
     */
    uint64_t false_positive;
    /**
     * Positive samples that were called negative.
     */
    uint64_t false_negative;
    /**
     * Positive samples that were called positive.
     */
    uint64_t true_positive;
    /**
     * Probability above which an image was called positive.
     */
    double threshold;
    /**
     * Share of samples that were called what they are.
     */
    lens_estimate accuracy;
    /**
     * Mean of sensitivity and specificity.
     */
    lens_estimate balanced_accuracy;
    /**
     * Share of positive samples that were called positive.
     */
    lens_estimate sensitivity;
    /**
     * Share of negative samples that were called negative.
     */
    lens_estimate specificity;
    /**
     * Positive predictive value: share of what was called positive that is.
     */
    lens_estimate ppv;
    /**
     * Negative predictive value: share of what was called negative that is.
     */
    lens_estimate npv;
    /**
     * Harmonic mean of sensitivity and positive predictive value.
     */
    lens_estimate f1;
    /**
     * Matthews correlation coefficient, -1 to 1.
     */
    lens_estimate mcc;
    /**
     * Area under the ROC curve.
     */
    lens_estimate roc_auc;
    /**
     * Area under the precision-recall curve: average precision.
     */
    lens_estimate pr_auc;
    /**
     * Brier score: mean squared difference of probability and label.
     */
    lens_estimate brier;
    /**
     * Mean negative log-likelihood.
     */
    lens_estimate log_loss;
    /**
     * Expected calibration error over ten bins of equal width.
     */
    lens_estimate ece;
} lens_metrics;

/**
 * The figures of a report as numbers, for programs that read no JSON.
 *
 * @param report What lens_evaluate() handed out, or the content of a report.json that it wrote.
 * @param[out] metrics Receives them; all zero on failure.
 * @return LENS_OK; LENS_ERROR_FORMAT when the text is no such report.
 */
lens_status lens_metrics_read(const char *report, lens_metrics *metrics);

/**
 * Options of lens_localize(). Fill with lens_localize_options_init(), then change what you need.
 *
 * How to compare heatmaps with boxes.
 */
typedef struct lens_localize_options {
    /**
     * sizeof(lens_localize_options); set by lens_localize_options_init().
     */
    size_t struct_size;
    /**
     * How heatmaps are drawn; its threshold, progress and cancel are not used, its resolution must be
     * LENS_HEATMAP_RESOLUTION_IMAGE. Default NULL: lens_heatmap_compute()'s defaults.
     */
    const lens_heatmap_options *heatmap;
    /**
     * Called about once a batch; default NULL.
     */
    lens_progress_fn progress;
    /**
     * Handed to progress.
     */
    void *progress_user_data;
    /**
     * Stops the call when triggered; default NULL.
     */
    const lens_cancel_token *cancel;
    /**
     * How far from a box the hottest point may be and still be a hit, in pixels of the image. 0 to 65536, or -1
     * (default): half a tile.
     */
    double tolerance;
} lens_localize_options;

/**
 * Fills the options with their defaults; NULL is a no-op.
 */
void lens_localize_options_init(lens_localize_options *options);

/**
 * Draws the heatmap of every image that has boxes, and compares the two.
 *
 * The directory holds boxes.csv (columns filename, x, y, width, height in pixels and, where files have several frames,
 * frame, from 0; one row per box) and images/. The report has
 * - "hit_rate": the pointing game (Zhang et al. 2018), the share of images whose hottest point (the middle of the hottest
 *   pixels when several are equal) lies in a box or within the tolerance of one, beside "hit_rate_by_chance", the mean
 *   share of the image within that reach;
 * - "intersection": of the hottest pixels, as many as the boxes have, the share inside the boxes, as a mean over images,
 *   beside "intersection_by_chance", the mean share of the image inside boxes;
 * - "results": the same for every image.
 *
 * @param directory UTF-8.
 * @param options NULL for all defaults.
 * @param[out] json Receives the report; free it with lens_string_free(). NULL on failure.
 * @return LENS_ERROR_IO, LENS_ERROR_FORMAT or LENS_ERROR_DATA when the table or an image cannot be used.
 */
lens_status lens_localize(const lens_model *model,
                          const char *directory,
                          const lens_localize_options *options,
                          char **json);

#ifdef __cplusplus
} /* extern "C" */
#endif /* __cplusplus */

#endif /* LESIONLENS_H */
