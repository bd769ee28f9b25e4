//! `lens_metrics`: an evaluation's figures as numbers.

use super::arguments::{out, text};
use super::guard::guard;
use super::status::lens_status;
use lens_base::{Error, Result};
use serde_json::Value;
use std::ffi::c_char;

/// An estimate with its 95 % confidence interval. NaN: it, or its interval, does not exist for these samples; the report
/// says why.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_estimate {
    /// The figure.
    pub value: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
}

/// The figures of an evaluation. lens_evaluate() says how they are computed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_metrics {
    /// Samples that were classified.
    pub samples: u64,
    /// Negative samples that were called negative.
    pub true_negative: u64,
    /// Negative samples that were called positive.
    pub false_positive: u64,
    /// Positive samples that were called negative.
    pub false_negative: u64,
    /// Positive samples that were called positive.
    pub true_positive: u64,
    /// Probability above which an image was called positive.
    pub threshold: f64,
    /// Share of samples that were called what they are.
    pub accuracy: lens_estimate,
    /// Mean of sensitivity and specificity.
    pub balanced_accuracy: lens_estimate,
    /// Share of positive samples that were called positive.
    pub sensitivity: lens_estimate,
    /// Share of negative samples that were called negative.
    pub specificity: lens_estimate,
    /// Positive predictive value: share of what was called positive that is.
    pub ppv: lens_estimate,
    /// Negative predictive value: share of what was called negative that is.
    pub npv: lens_estimate,
    /// Harmonic mean of sensitivity and positive predictive value.
    pub f1: lens_estimate,
    /// Matthews correlation coefficient, -1 to 1.
    pub mcc: lens_estimate,
    /// Area under the ROC curve.
    pub roc_auc: lens_estimate,
    /// Area under the precision-recall curve: average precision.
    pub pr_auc: lens_estimate,
    /// Brier score: mean squared difference of probability and label.
    pub brier: lens_estimate,
    /// Mean negative log-likelihood.
    pub log_loss: lens_estimate,
    /// Expected calibration error over ten bins of equal width.
    pub ece: lens_estimate,
}

/// The figures of a report as numbers, for programs that read no JSON.
///
/// @param report What lens_evaluate() handed out, or the content of a report.json that it wrote.
/// @param[out] metrics Receives them; all zero on failure.
/// @return LENS_OK; LENS_ERROR_FORMAT when the text is no such report.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_metrics_read(report: *const c_char, metrics: *mut lens_metrics) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let metrics = unsafe { out("metrics", metrics) }?;
        // SAFETY: NULL or a C string by contract.
        *metrics = read(unsafe { text("report", report) }?)?;
        Ok(())
    })
}

fn read(report: &str) -> Result<lens_metrics> {
    let report: Value =
        serde_json::from_str(report).map_err(|error| Error::format(format!("the report is no JSON: {error}")))?;
    if report["schema"]["name"] != "lesionlens.evaluation" {
        return Err(Error::format(format!(
            "the report's schema is {}; it must be that of lens_evaluate(), \"lesionlens.evaluation\"",
            report["schema"]
        )));
    }
    let missing = |name: &str| Error::format(format!("the report has no {name}"));
    let count = |value: &Value, name: &str| value.as_u64().ok_or_else(|| missing(name));
    let counted = |name: &str| count(&report["confusion_matrix"][name], name);
    let figure = |name: &str| {
        let value = report["metrics"].get(name).ok_or_else(|| missing(name))?;
        let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
        let interval = &report["intervals"][name];
        Ok::<_, Error>(lens_estimate {
            value: number(value),
            low: number(&interval["low"]),
            high: number(&interval["high"]),
        })
    };
    Ok(lens_metrics {
        samples: count(&report["samples"], "samples")?,
        true_negative: counted("true_negative")?,
        false_positive: counted("false_positive")?,
        false_negative: counted("false_negative")?,
        true_positive: counted("true_positive")?,
        threshold: report["threshold"].as_f64().ok_or_else(|| missing("threshold"))?,
        accuracy: figure("accuracy")?,
        balanced_accuracy: figure("balanced_accuracy")?,
        sensitivity: figure("sensitivity")?,
        specificity: figure("specificity")?,
        ppv: figure("ppv")?,
        npv: figure("npv")?,
        f1: figure("f1")?,
        mcc: figure("mcc")?,
        roc_auc: figure("roc_auc")?,
        pr_auc: figure("pr_auc")?,
        brier: figure("brier")?,
        log_loss: figure("log_loss")?,
        ece: figure("ece")?,
    })
}
