//! From a head with several outputs to one logit.

use super::options::{HeadKind, WeightsOptions};
use super::program::Program;
use super::record::{ClassRecord, HeadRecord, HeadRule};
use lens_base::{Error, Result};

/// Which outputs the logit is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// The logit is this output.
    Row(usize),
    /// The logit is the first minus the second.
    Difference(usize, usize),
    /// A random head takes their place.
    Random,
}

/// A head of another program.
pub struct Head<'a> {
    /// Its program.
    pub program: Program,
    /// How many outputs it has.
    pub outputs: usize,
    /// Thresholds of torchxrayvision, NaN for outputs that were not trained; none elsewhere.
    pub thresholds: &'a [f32],
}

impl Head<'_> {
    /// What to make of it, and the record. Fails where that has to be said and is not, or cannot be.
    pub fn resolve(&self, options: &WeightsOptions) -> Result<(Outputs, HeadRecord)> {
        if self.outputs == 1 {
            return self.only(options);
        }
        match (options.head_kind, self.findings().is_empty(), self.outputs) {
            (HeadKind::Sigmoid, _, _) | (HeadKind::Auto, false, _) => self.row(options),
            (HeadKind::Softmax, _, _) | (HeadKind::Auto, true, 2) => self.difference(options),
            (HeadKind::Auto, true, outputs) => Err(Error::argument(format!(
                "the head has {outputs} outputs, and the file does not say what they are: name the positive class with \
                 head_positive (0 to {}), and set head_kind to sigmoid where each output is a finding of its own, or to \
                 softmax, with head_negative, where they are classes of which one is right",
                outputs - 1
            ))),
        }
    }

    /// The record of a head that is left out.
    pub fn left_out(&self) -> (Outputs, HeadRecord) {
        let meaning = "left out; a random head of one output takes its place, to be trained".to_string();
        (Outputs::Random, self.record(HeadRule::Random, None, None, meaning))
    }

    fn only(&self, options: &WeightsOptions) -> Result<(Outputs, HeadRecord)> {
        let given = [("head_positive", &options.head_positive), ("head_negative", &options.head_negative)];
        if let Some((name, Some(class))) = given.into_iter().find(|(_, class)| class.is_some()) {
            return Err(Error::argument(format!(
                "{name} is {class}, but the head has one output, which is the logit: leave it out"
            )));
        }
        if options.head_kind == HeadKind::Softmax {
            return Err(Error::argument(
                "head_kind is softmax, but the head has one output, which is the logit: leave it out",
            ));
        }
        let meaning = "sigmoid of the output".to_string();
        Ok((Outputs::Row(0), self.record(HeadRule::Kept, None, None, meaning)))
    }

    /// One of several findings.
    fn row(&self, options: &WeightsOptions) -> Result<(Outputs, HeadRecord)> {
        if let Some(class) = &options.head_negative {
            return Err(Error::argument(format!(
                "head_negative is {class}, but the head's outputs are findings of their own (sigmoid), which are set \
                 against nothing: leave it out"
            )));
        }
        let Some(class) = &options.head_positive else {
            return Err(Error::argument(format!(
                "the head has {} outputs, each a finding of its own: name the one to classify with head_positive, {}",
                self.outputs,
                self.choices()
            )));
        };
        let positive = self.class("head_positive", class)?;
        if self.thresholds.get(positive.index).is_some_and(|threshold| threshold.is_nan()) {
            return Err(Error::argument(format!(
                "head_positive is {}, which these weights were not trained for: its op_threshs is NaN; trained are {}",
                shown(&positive),
                self.trained()
            )));
        }
        let meaning = format!("sigmoid of output {}, a finding of its own", shown(&positive));
        let outputs = Outputs::Row(positive.index);
        Ok((outputs, self.record(HeadRule::Row, Some(positive), None, meaning)))
    }

    /// One of several classes against another.
    fn difference(&self, options: &WeightsOptions) -> Result<(Outputs, HeadRecord)> {
        let class = |name, class: &Option<String>| class.as_deref().map(|class| self.class(name, class)).transpose();
        let positive = class("head_positive", &options.head_positive)?;
        let negative = class("head_negative", &options.head_negative)?;
        let other = |class: &ClassRecord| self.numbered(1 - class.index);
        let is_assumed = positive.is_none() && negative.is_none();
        let (positive, negative) = match (positive, negative, self.outputs) {
            (Some(positive), Some(negative), _) => (positive, negative),
            (Some(positive), None, 2) => (positive.clone(), other(&positive)),
            (None, Some(negative), 2) => (other(&negative), negative),
            (None, None, 2) => (self.numbered(1), self.numbered(0)),
            (positive, _, outputs) => {
                return Err(Error::argument(format!(
                    "the head is a softmax over {outputs} classes, from which no one logit of a class against all others \
                     follows: name both head_positive and head_negative ({}); the probability is then that of the \
                     positive class given that it is one of the two. {} is missing",
                    self.choices(),
                    if positive.is_none() { "head_positive" } else { "head_negative" }
                )));
            }
        };
        if positive.index == negative.index {
            return Err(Error::argument(format!(
                "head_positive and head_negative are both {}; they must be two classes",
                shown(&positive)
            )));
        }
        let meaning = match (self.outputs, is_assumed) {
            (2, false) => format!("softmax: output {} against {}", shown(&positive), shown(&negative)),
            (2, true) => {
                "softmax: output 1 against 0, assumed as nothing was said; head_positive says which is positive".into()
            }
            _ => format!(
                "softmax of {0} and {1} alone: the probability of {0} given that it is one of the two",
                shown(&positive),
                shown(&negative)
            ),
        };
        let outputs = Outputs::Difference(positive.index, negative.index);
        let record = self.record(HeadRule::Difference, Some(positive), Some(negative), meaning);
        Ok((outputs, HeadRecord { assumed: is_assumed, ..record }))
    }

    /// A class by its number or name.
    fn class(&self, option: &str, text: &str) -> Result<ClassRecord> {
        let findings = self.findings();
        let index = match text.parse::<usize>() {
            Ok(index) => (index < self.outputs).then_some(index),
            Err(_) => findings.iter().position(|name| name.eq_ignore_ascii_case(text)),
        };
        index.map(|index| self.numbered(index)).ok_or_else(|| {
            let nameless = if findings.is_empty() { "; the file names no classes" } else { "" };
            let shown = text.escape_debug();
            Error::argument(format!("{option} is {shown}; it must be {}{nameless}", self.choices()))
        })
    }

    fn numbered(&self, index: usize) -> ClassRecord {
        ClassRecord { index, name: self.findings().get(index).map(ToString::to_string) }
    }

    fn findings(&self) -> &'static [&'static str] {
        self.program.findings(self.outputs)
    }

    /// "0 to 13, or one of Atelectasis, Cardiomegaly".
    fn choices(&self) -> String {
        let findings = self.findings();
        let names = if findings.is_empty() { String::new() } else { format!(", or one of {}", findings.join(", ")) };
        format!("0 to {}{names}", self.outputs - 1)
    }

    /// The classes that have a threshold.
    fn trained(&self) -> String {
        let trained = (0..self.outputs).filter(|index| !self.thresholds[*index].is_nan());
        trained.map(|index| shown(&self.numbered(index))).collect::<Vec<_>>().join(", ")
    }

    fn record(
        &self,
        rule: HeadRule,
        positive: Option<ClassRecord>,
        negative: Option<ClassRecord>,
        meaning: String,
    ) -> HeadRecord {
        HeadRecord { outputs: self.outputs, rule, positive, negative, assumed: false, meaning }
    }
}

/// "6 (Pneumonia)".
fn shown(class: &ClassRecord) -> String {
    match &class.name {
        Some(name) => format!("{} ({name})", class.index),
        None => class.index.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(program: Program, outputs: usize) -> Head<'static> {
        Head { program, outputs, thresholds: &[] }
    }

    fn options(positive: Option<&str>, negative: Option<&str>, head_kind: HeadKind) -> WeightsOptions {
        WeightsOptions {
            head_positive: positive.map(ToString::to_string),
            head_negative: negative.map(ToString::to_string),
            head_kind,
            ..WeightsOptions::default()
        }
    }

    #[test]
    fn outputs_of_each_kind_of_head() {
        use HeadKind::{Auto, Sigmoid, Softmax};
        use Program::{CheXNet, Monai, TorchXRayVision, Torchvision};
        for (program, outputs, positive, negative, kind, expected) in [
            (Torchvision, 1, None, None, Auto, Outputs::Row(0)),
            (Torchvision, 1, None, None, Sigmoid, Outputs::Row(0)),
            (Monai, 2, None, None, Auto, Outputs::Difference(1, 0)),
            (Monai, 2, Some("0"), None, Auto, Outputs::Difference(0, 1)),
            (Monai, 2, None, Some("1"), Softmax, Outputs::Difference(0, 1)),
            (Monai, 2, Some("1"), None, Sigmoid, Outputs::Row(1)),
            (Torchvision, 5, Some("4"), None, Sigmoid, Outputs::Row(4)),
            (Torchvision, 5, Some("4"), Some("2"), Softmax, Outputs::Difference(4, 2)),
            (CheXNet, 14, Some("Pneumonia"), None, Auto, Outputs::Row(6)),
            (CheXNet, 14, Some("pneumonia"), None, Auto, Outputs::Row(6)),
            (CheXNet, 14, Some("13"), None, Auto, Outputs::Row(13)),
            (CheXNet, 14, Some("Mass"), Some("Nodule"), Softmax, Outputs::Difference(4, 5)),
            (TorchXRayVision, 18, Some("Lung Opacity"), None, Auto, Outputs::Row(16)),
        ] {
            let found = of(program, outputs).resolve(&options(positive, negative, kind));
            assert_eq!(found.unwrap().0, expected, "{program:?} {outputs} {positive:?} {negative:?}");
        }
    }

    #[test]
    fn refusals_name_what_is_wrong_and_what_is_right() {
        use HeadKind::{Auto, Sigmoid, Softmax};
        use Program::{CheXNet, Monai, Torchvision};
        for (program, outputs, positive, negative, kind, parts) in [
            (Torchvision, 1, Some("0"), None, Auto, &["head_positive is 0", "one output"][..]),
            (Torchvision, 1, None, None, Softmax, &["head_kind is softmax", "one output"]),
            (Torchvision, 5, None, None, Auto, &["has 5 outputs", "head_positive (0 to 4)", "head_kind"]),
            (Torchvision, 5, Some("4"), None, Auto, &["has 5 outputs", "sigmoid", "softmax"]),
            (Torchvision, 5, Some("5"), None, Sigmoid, &["head_positive is 5; it must be 0 to 4", "names no classes"]),
            (Torchvision, 5, Some("-1"), None, Sigmoid, &["head_positive is -1; it must be 0 to 4"]),
            (Torchvision, 5, Some("4"), None, Softmax, &["softmax over 5", "head_negative is missing"]),
            (Torchvision, 5, Some("4"), Some("4"), Softmax, &["both 4"]),
            (Monai, 2, Some("sick"), None, Auto, &["head_positive is sick; it must be 0 to 1", "names no classes"]),
            (Monai, 2, None, None, Sigmoid, &["2 outputs, each a finding", "head_positive, 0 to 1"]),
            (Monai, 2, Some("1"), Some("0"), Sigmoid, &["head_negative is 0", "leave it out"]),
            (CheXNet, 14, None, None, Auto, &["has 14 outputs", "0 to 13, or one of Atelectasis, Cardiomegaly"]),
            (CheXNet, 14, Some("Pneumoni"), None, Auto, &["head_positive is Pneumoni; it must be 0 to 13", "Hernia"]),
            (CheXNet, 14, Some("14"), None, Auto, &["head_positive is 14; it must be 0 to 13"]),
        ] {
            let error = of(program, outputs).resolve(&options(positive, negative, kind)).unwrap_err();
            for part in parts {
                assert!(error.message().contains(part), "{part} is not in {error}");
            }
        }
    }

    #[test]
    fn a_finding_that_was_not_trained_is_refused() {
        let mut thresholds = [0.1f32; 18];
        thresholds[14] = f32::NAN;
        let head = Head { program: Program::TorchXRayVision, outputs: 18, thresholds: &thresholds };
        assert!(head.resolve(&options(Some("15"), None, HeadKind::Auto)).is_ok());
        let error = head.resolve(&options(Some("Lung Lesion"), None, HeadKind::Auto)).unwrap_err();
        assert!(
            error.message().contains("head_positive is 14 (Lung Lesion), which these weights were not trained for")
        );
        assert!(error.message().contains("13 (Hernia), 15 (Fracture)"), "{error}");
    }
}
