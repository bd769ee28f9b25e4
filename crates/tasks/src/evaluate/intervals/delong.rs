//! DeLong's interval of the area under the ROC curve (DeLong et al. 1988), in the time of a sort (Sun & Xu 2014).

use super::{Interval, Method, Z};
use crate::evaluate::ranking::{ScoreGroup, class_counts, roc_auc};

/// Normal on the logit scale, which keeps it within 0 and 1; or why there is none.
pub fn delong(groups: &[ScoreGroup]) -> Result<Interval, String> {
    let (positives, negatives) = class_counts(groups);
    let Some(area) = roc_auc(groups) else {
        return Err("there are samples of one class only".into());
    };
    if positives < 2 || negatives < 2 {
        return Err(format!(
            "DeLong's variance needs two samples of each class; there are {positives} positive and {negatives} negative"
        ));
    }
    // Placements: which share of the other class a sample beats, ties counting half.
    let (mut above, mut below) = (0, negatives);
    let (mut of_positives, mut of_negatives) = (0.0, 0.0);
    for group in groups {
        below -= group.negatives;
        let wins = (below as f64 + group.negatives as f64 / 2.0) / negatives as f64;
        let losses = (above as f64 + group.positives as f64 / 2.0) / positives as f64;
        of_positives += group.positives as f64 * (wins - area).powi(2);
        of_negatives += group.negatives as f64 * (losses - area).powi(2);
        above += group.positives;
    }
    let mean_variance = |sum: f64, count: u64| sum / ((count - 1) as f64 * count as f64);
    let variance = mean_variance(of_positives, positives) + mean_variance(of_negatives, negatives);
    if variance == 0.0 {
        return Err(format!("DeLong's variance is 0 where all samples of a class rank alike, as here (area {area})"));
    }
    let center = (area / (1.0 - area)).ln();
    let half = Z * variance.sqrt() / (area * (1.0 - area));
    let probability = |logit: f64| 1.0 / (1.0 + (-logit).exp());
    Ok(Interval { low: probability(center - half), high: probability(center + half), method: Method::DeLong })
}
