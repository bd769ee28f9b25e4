//! Classified samples, and the rule that flags them.

use crate::classify::Prediction;
use lens_base::options::{Choice, Options};
use lens_images::Sample;
use serde_json::{Value, json};

/// A classified sample.
#[derive(Clone, Debug)]
pub struct ClassifiedSample<'a> {
    /// The sample.
    pub sample: &'a Sample,
    /// The model's prediction.
    pub prediction: Prediction,
    /// The probability of the positive class; with tiles the mean of the heatmap, as in the reference pipeline.
    pub confidence: f32,
}

/// What makes an image flagged, that is, one whose heatmap an evaluation writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Choice)]
pub enum FlagCriterion {
    /// It was called positive, or its confidence reaches flag_confidence; the reference pipeline's default.
    #[default]
    Either,
    /// It was called positive.
    #[choice(word = "pred")]
    Prediction,
    /// Its confidence reaches flag_confidence.
    Confidence,
}

/// The reference pipeline's rule for flagged images.
#[derive(Clone, Copy, Debug, PartialEq, Options)]
pub struct FlagRule {
    /// What makes an image flagged, that is, one whose heatmap is written.
    #[option(name = "flag_criterion", flag = "--flag|--bad")]
    pub criterion: FlagCriterion,
    /// Confidence from which on an image is flagged.
    #[option(
        name = "flag_confidence",
        default = 0.5,
        minimum = 0,
        maximum = 1,
        flag = "--flag-confidence|--bad-confidence X"
    )]
    pub confidence: f32,
}

impl FlagRule {
    /// Whether a sample is flagged.
    pub fn applies(&self, classified: &ClassifiedSample) -> bool {
        let (called, confident) = (classified.prediction.positive, classified.confidence >= self.confidence);
        match self.criterion {
            FlagCriterion::Either => called || confident,
            FlagCriterion::Prediction => called,
            FlagCriterion::Confidence => confident,
        }
    }
}

/// Longest part of a sample's name that goes into a file name; file systems allow 255 bytes for all of it.
const LONGEST_STEM: usize = 120;

impl ClassifiedSample<'_> {
    /// The file of the sample, as text.
    pub fn path(&self) -> Option<String> {
        self.sample.path().map(|path| path.display().to_string())
    }

    /// One line of the report.
    pub fn describe(&self) -> Value {
        json!({
            "id": &*self.sample.id,
            "path": self.path(),
            "label": u8::from(self.sample.positive),
            "predicted": u8::from(self.prediction.positive),
            "probability": self.prediction.probability,
            "logit": self.prediction.logit,
            "confidence": self.confidence,
        })
    }

    /// The name, without extension, of files about the sample at `index`, as the reference pipeline names them.
    pub fn file_stem(&self, index: usize) -> String {
        format!(
            "heatmap_{index:06}_pred{}_true{}_conf{:.3}_{}",
            if self.prediction.positive { "pos" } else { "neg" },
            u8::from(self.sample.positive),
            self.confidence,
            stem(&self.sample.id)
        )
    }
}

/// The last part of a name, without extension and without what a file name cannot hold.
fn stem(id: &str) -> String {
    let last = id.rsplit(['/', '\\']).next().unwrap_or(id);
    let stem = match last.rfind('.') {
        Some(dot) if dot > 0 => &last[..dot],
        _ => last,
    };
    let mut end = stem.len().min(LONGEST_STEM);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    stem[..end]
        .chars()
        .map(|letter| if letter.is_control() || "<>:\"|?*".contains(letter) { '_' } else { letter })
        .collect()
}

/// Indices of `count` samples to show, in the data set's order: the share `flagged_share` of them flagged as far as
/// there are enough of each, either group evenly spread over the data set.
pub fn evenly_spread(flagged: &[bool], count: usize, flagged_share: f64) -> Vec<usize> {
    let of = |flag: bool| -> Vec<usize> { (0..flagged.len()).filter(|index| flagged[*index] == flag).collect() };
    let (flagged, other) = (of(true), of(false));
    let count = count.min(flagged.len() + other.len());
    let flagged_count = (count as f64 * flagged_share).round() as usize;
    let from_flagged = flagged_count.min(flagged.len()).max(count - other.len().min(count));
    let mut shown = spread(&flagged, from_flagged);
    shown.extend(spread(&other, count - from_flagged));
    shown.sort_unstable();
    shown
}

/// `count` of the indices, from the first to the last.
fn spread(indices: &[usize], count: usize) -> Vec<usize> {
    match count {
        0 => Vec::new(),
        1 => vec![indices[0]],
        _ => (0..count).map(|rank| indices[rank * (indices.len() - 1) / (count - 1)]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_images::{Dataset, PixelFormat, PixelView, Windowing};

    fn dataset(id: &str, label: i32) -> Dataset {
        let mut dataset = Dataset::default();
        let view = PixelView::new(&[9], 1, 1, 1, PixelFormat::Gray8, Windowing::default()).unwrap();
        dataset.add(&view, label, Some(id)).unwrap();
        dataset
    }

    fn classified(dataset: &Dataset, probability: f32, confidence: f32) -> ClassifiedSample<'_> {
        ClassifiedSample {
            sample: &dataset.samples()[0],
            prediction: Prediction::from_probability(probability, 0.5),
            confidence,
        }
    }

    #[test]
    fn reference_file_names() {
        for (id, label, probability, expected) in [
            ("p_12.png", 1, 0.9, "heatmap_000007_predpos_true1_conf0.250_p_12"),
            ("a/b.c/run.dcm#3", 0, 0.5, "heatmap_000007_predneg_true0_conf0.250_run"),
            ("no extension", 0, 0.1, "heatmap_000007_predneg_true0_conf0.250_no extension"),
            (".hidden", 0, 0.1, "heatmap_000007_predneg_true0_conf0.250_.hidden"),
            ("..\\up\\wo:rse?\n.png", 0, 0.1, "heatmap_000007_predneg_true0_conf0.250_wo_rse__"),
        ] {
            assert_eq!(classified(&dataset(id, label), probability, 0.25).file_stem(7), expected);
        }
        let long = dataset(&"ä".repeat(300), 1);
        assert!(classified(&long, 0.9, 1.0).file_stem(1_234_567).len() < 250);
    }

    #[test]
    fn flag_rules() {
        let data = dataset("a", 0);
        for (probability, confidence, expected) in [
            (0.6, 0.4, [true, true, false]),
            (0.4, 0.5, [true, false, true]),
            (0.5, 0.49, [false, false, false]),
            (0.9, 0.9, [true, true, true]),
        ] {
            let applies =
                [FlagCriterion::Either, FlagCriterion::Prediction, FlagCriterion::Confidence].map(|criterion| {
                    FlagRule { criterion, confidence: 0.5 }.applies(&classified(&data, probability, confidence))
                });
            assert_eq!(applies, expected, "{probability} {confidence}");
        }
        assert!(FlagRule { confidence: f32::NAN, ..FlagRule::default() }.check_ranges().is_err());
    }

    #[test]
    fn share_and_spread_of_flagged_cases() {
        let flagged: Vec<bool> = (0..100).map(|index| index < 50).collect();
        let shown = evenly_spread(&flagged, 12, 0.75);
        assert_eq!(shown, [0, 6, 12, 18, 24, 30, 36, 42, 49, 50, 74, 99]);
        assert_eq!(evenly_spread(&[true, false, true], 12, 0.75), [0, 1, 2]);
        assert_eq!(evenly_spread(&[false; 20], 12, 0.75).len(), 12);
        assert_eq!(evenly_spread(&[true; 20], 12, 0.75).len(), 12);
        assert!(evenly_spread(&[], 12, 0.75).is_empty());
        // Too few of the others: the flagged ones fill up.
        let few: Vec<bool> = (0..20).map(|index| index != 3).collect();
        let shown = evenly_spread(&few, 12, 0.5);
        assert_eq!((shown.len(), shown.contains(&3)), (12, true));
    }
}
