//! `lens_evaluate`.

use super::arguments::{optional_text, out, required};
use super::cancel::lens_cancel_token;
use super::classify::chosen_threshold;
use super::dataset::lens_dataset;
use super::guard::guard;
use super::model::lens_model;
use super::options::{self, Options};
use super::progress::{control, lens_progress_fn};
use super::status::lens_status;
use super::text::to_host;
use crate::evaluate::{Bootstrap, EvaluateOptions, FigureOptions, evaluate};
use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

/// Options of lens_evaluate(). Fill with lens_evaluate_options_init(), then change what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_evaluate_options {
    /// sizeof(lens_evaluate_options); set by lens_evaluate_options_init().
    pub struct_size: usize,
    /// Probability from which an image is called positive (greater than), 0 to 1; default -1: the model's own.
    pub threshold: f32,
    /// Images that go through the network at once, 1 to 65536; default 32.
    pub batch_limit: u32,
    /// Directory (made when missing) that receives predictions.csv and report.json; default NULL: nothing is written.
    pub output_dir: *const c_char,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
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
    const FIRST_SIZE: usize = std::mem::offset_of!(lens_evaluate_options, target_sensitivity);
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
/// - "results": every sample's result.
///
/// With output_dir, predictions.csv (filename, filepath, true_label, predicted_label, prediction_confidence) and
/// report.json are written, each atomically.
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
