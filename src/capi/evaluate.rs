//! `lens_evaluate`.

use super::arguments::{out, required};
use super::dataset::lens_dataset;
use super::generated::lens_evaluate_options;
use super::guard::guard;
use super::model::lens_model;
use super::options;
use super::progress::control;
use super::status::lens_status;
use super::text::to_host;
use lens_tasks::evaluate::evaluate;
use std::ffi::c_char;
use std::sync::Arc;

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
        let dataset = unsafe { required("dataset", dataset) }?.snapshot()?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        // SAFETY: its strings are NULL or C strings, by contract.
        let mut core = unsafe { options.to_library() }?;
        if !options.heatmap.is_null() {
            // SAFETY: a struct as large as its struct_size, by contract.
            core.heatmap = Some(unsafe { options::read(options.heatmap)?.to_library() }?);
        }
        // SAFETY: token and callback are as their contracts say for the time of the call.
        let mut control = unsafe { control(options.progress, options.progress_user_data, options.cancel) };
        // Held, so that the call goes on when the caller frees its handle meanwhile.
        let model = Arc::clone(&model.0);
        let report = evaluate(&model, &dataset, &core, &mut control)?;
        *json = to_host(report.to_string())?;
        Ok(())
    })
}
