//! `lens_evaluate`.

use super::arguments::{choice, flag, optional_text, out, required};
use super::cancel::lens_cancel_token;
use super::classify::chosen_threshold;
use super::dataset::lens_dataset;
use super::guard::guard;
use super::heatmap::lens_heatmap_options;
use super::model::lens_model;
use super::options::{self, Options};
use super::progress::{control, lens_progress_fn};
use super::status::lens_status;
use super::text::to_host;
use lens_tasks::evaluate::{
    Bootstrap, EvaluateOptions, FigureOptions, FlagCriterion, FlagRule, ReportOptions, evaluate,
};
use std::ffi::{c_char, c_void};
use std::mem::offset_of;
use std::ptr;
use std::sync::Arc;

/// What makes an image flagged, that is, one whose heatmap lens_evaluate() writes.
pub type lens_flag_criterion = i32;
/// It was called positive, or its confidence reaches flag_confidence; the reference pipeline's default.
pub const LENS_FLAG_CRITERION_EITHER: lens_flag_criterion = 0;
/// It was called positive.
pub const LENS_FLAG_CRITERION_PREDICTION: lens_flag_criterion = 1;
/// Its confidence reaches flag_confidence.
pub const LENS_FLAG_CRITERION_CONFIDENCE: lens_flag_criterion = 2;

/// Options of lens_evaluate(). Fill with lens_evaluate_options_init(), then change what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_evaluate_options {
    /// sizeof(lens_evaluate_options); set by lens_evaluate_options_init().
    pub struct_size: usize,
    /// Probability from which an image is called positive (greater than), 0 to 1; default -1: the model's own.
    pub threshold: f32,
    /// Images that go through the network at once, up to 65536; default 0: automatic, 32 on the CPU, and on GPUs as
    /// many as have 4 million pixels.
    pub batch_limit: u32,
    /// Directory (made when missing) that receives the report's files; default NULL: nothing is written.
    pub output_dir: *const c_char,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
    /// Whether images are called by the mean of their heatmap's tiles, as in the reference pipeline (1), or whole, at
    /// the model's size (0); default 0. An image's confidence is the mean of its heatmap, or its probability.
    pub by_heatmap: i32,
    /// Whether flagged images' heatmaps are written into flagged_raw/, as .npy (32-bit floats) and as 16-bit PNG; default 1.
    pub save_heatmap_raw: i32,
    /// Whether flagged images' heatmaps are written over their images into flagged_overlays/; default 1.
    pub save_heatmap_overlay: i32,
    /// LENS_FLAG_CRITERION_...; default LENS_FLAG_CRITERION_EITHER.
    pub flag_criterion: lens_flag_criterion,
    /// Confidence from which on an image is flagged, 0 to 1; default 0.5.
    pub flag_confidence: f32,
    /// Share of flagged ones among the 12 images of sample_results.png, 0 to 1; default 0.75.
    pub sample_flagged_ratio: f64,
    /// How heatmaps are drawn; its threshold, progress and cancel are not used, its
    /// resolution must be LENS_MAP_RESOLUTION_IMAGE. Default NULL: with by_heatmap
    /// lens_heatmap()'s defaults, otherwise class activation maps at the model's size, whose mean is the call's logit.
    pub heatmap: *const lens_heatmap_options,
    /// The sensitivity that the operating point "sensitivity" has at least, above 0, at most 1; default 0.95.
    pub target_sensitivity: f64,
    /// Resampled data sets for the confidence intervals that have no formula, 100 to 1000000; default 2000; 0: none.
    pub bootstrap_samples: u32,
    /// Of the resampling; default 0: the context's.
    pub seed: u64,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and an optional function pointer only.
unsafe impl Options for lens_evaluate_options {
    const NAME: &'static str = "lens_evaluate_options";
    const FIRST_SIZE: usize = offset_of!(Self, by_heatmap);
    fn defaults() -> Self {
        let figures = FigureOptions::default();
        lens_evaluate_options {
            struct_size: size_of::<Self>(),
            threshold: -1.0,
            batch_limit: EvaluateOptions::default().batch_limit,
            output_dir: ptr::null(),
            progress: None,
            progress_user_data: ptr::null_mut(),
            cancel: ptr::null(),
            by_heatmap: 0,
            save_heatmap_raw: 1,
            save_heatmap_overlay: 1,
            flag_criterion: LENS_FLAG_CRITERION_EITHER,
            flag_confidence: 0.5,
            sample_flagged_ratio: 0.75,
            heatmap: ptr::null(),
            target_sensitivity: figures.target_sensitivity,
            bootstrap_samples: figures.bootstrap.samples,
            seed: 0,
        }
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_evaluate_options_init(options: *mut lens_evaluate_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Classifies every sample of a data set and compares with its label.
///
/// The report is JSON. Its figures are scikit-learn's of the probabilities in it, positive meaning a probability greater
/// than the threshold:
///
/// - "metrics": accuracy, balanced_accuracy, sensitivity, specificity, ppv, npv, f1, mcc, roc_auc, pr_auc (average
///   precision), brier, log_loss, ece (over the bins of "reliability"). One that does not exist is null, and "undefined"
///   has the reason under its name; that of a missing interval is under <name>_interval, that of a missing operating
///   point under operating_point_<name>.
/// - "intervals": of each metric its 95 % confidence interval: low, high, method. Methods: "wilson" for proportions;
///   "delong" for roc_auc, on the logit scale; "bootstrap" for the rest: percentiles over bootstrap_samples data sets drawn
///   regardless of class; resamples without the figure are left out, and counted in left_out.
/// - "confusion_matrix": true_negative, false_positive, false_negative, true_positive.
/// - "classification_report": negative, positive, macro_average and weighted_average, each with precision, recall, f1 and
///   support; accuracy. A null is left out of the averages.
/// - "roc": thresholds (falling), false_positive_rate, true_positive_rate, without points in the middle of a straight
///   line; null for samples of one class. "precision_recall": thresholds (rising, one less than points), precision, recall;
///   null without positives. A point of a curve counts samples whose probability is at least its threshold, as
///   scikit-learn does. The first threshold of "roc", above all probabilities, is null.
/// - "reliability": ten bins of equal width: low, high, count, mean_probability, share_positive (null when empty).
/// - "operating_points": "youden", with the largest sensitivity + specificity - 1 (of equal ones the highest threshold),
///   and "sensitivity", the highest threshold with at least target_sensitivity; each with its threshold, sensitivity and
///   specificity (value, low, high), and counts. Thresholds lie halfway between two probabilities.
/// - "results": every sample's result. "timings": images_per_second, decoding and classifying.
///
/// With output_dir these files are written, all or none, and replace those of an earlier report: predictions.csv
/// (filename, filepath, true_label, predicted_label, prediction_confidence), report.json (what is returned),
/// report.html (the same to look at, with the images that were called wrongly; it needs no other file and no network),
/// confusion.png, roc.png, reliability.png, sample_results.png (12 images beside their heatmaps, Reds from 0 to 1,
/// alpha 0.8), and of every flagged image flagged_raw/NAME.npy, flagged_raw/NAME.png and flagged_overlays/NAME.png, where NAME is
/// heatmap_{number in the data set, 6 digits}_pred{pos|neg}_true{label}_conf{confidence, 3 decimals}_{file's stem}.
/// A directory flagged_raw or flagged_overlays with other files is refused.
///
/// @param options NULL for all defaults.
/// @param[out] json Receives the report; free it with lens_string_free(). NULL on failure.
/// @return LENS_ERROR_DATA when the data set is empty.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_evaluate(
    model: *const lens_model,
    dataset: *const lens_dataset,
    options: *const lens_evaluate_options,
    json: *mut *mut c_char,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let json = unsafe { out("json", json) }?;
        // SAFETY: NULL or a live handle by contract.
        let model = unsafe { required("model", model) }?;
        // SAFETY: NULL or a live handle by contract.
        let dataset = unsafe { required("dataset", dataset) }?.snapshot();
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        let core = EvaluateOptions {
            threshold: chosen_threshold(options.threshold),
            batch_limit: options.batch_limit,
            // SAFETY: NULL or a C string by contract.
            output_dir: unsafe { optional_text("output_dir", options.output_dir) }?.map(Into::into),
            by_heatmap: flag("by_heatmap", options.by_heatmap)?,
            heatmap: match options.heatmap.is_null() {
                true => None,
                // SAFETY: a struct as large as its struct_size, by contract.
                false => Some(unsafe { options::read(options.heatmap) }?.core()?),
            },
            report: ReportOptions {
                flag: FlagRule {
                    criterion: choice(
                        "flag_criterion",
                        options.flag_criterion,
                        &[
                            (LENS_FLAG_CRITERION_EITHER, "LENS_FLAG_CRITERION_EITHER", FlagCriterion::Either),
                            (
                                LENS_FLAG_CRITERION_PREDICTION,
                                "LENS_FLAG_CRITERION_PREDICTION",
                                FlagCriterion::Prediction,
                            ),
                            (
                                LENS_FLAG_CRITERION_CONFIDENCE,
                                "LENS_FLAG_CRITERION_CONFIDENCE",
                                FlagCriterion::Confidence,
                            ),
                        ],
                    )?,
                    confidence: options.flag_confidence,
                },
                save_raw: flag("save_heatmap_raw", options.save_heatmap_raw)?,
                save_overlays: flag("save_heatmap_overlay", options.save_heatmap_overlay)?,
                sample_flagged_share: options.sample_flagged_ratio,
            },
            figures: FigureOptions {
                target_sensitivity: options.target_sensitivity,
                bootstrap: Bootstrap {
                    samples: options.bootstrap_samples,
                    seed: if options.seed == 0 { model.0.context().seed() } else { options.seed },
                },
            },
        };
        // SAFETY: token and callback are as their contracts say for the time of the call.
        let mut control = unsafe { control(options.progress, options.progress_user_data, options.cancel) };
        // Held, so that the call goes on when the host frees its handle meanwhile.
        let model = Arc::clone(&model.0);
        let report = evaluate(&model, &dataset, &core, &mut control)?;
        *json = to_host(report.to_string())?;
        Ok(())
    })
}
