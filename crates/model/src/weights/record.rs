//! What was done to weights of other programs, as descriptions and files of models have it.

use lens_base::LogLevel;
use serde::{Deserialize, Serialize};

/// A class of a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassRecord {
    /// Its output's number, from 0.
    pub index: usize,
    /// Its name, where it is known.
    pub name: Option<String>,
}

/// How a head became one logit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadRule {
    /// It had one output.
    Kept,
    /// The positive class's output, of a head of findings.
    Row,
    /// The positive class's output minus the negative one's, of a head of classes.
    Difference,
    /// It was left out for a random one, to be trained.
    Random,
}

/// What became of a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadRecord {
    /// Outputs in the file.
    pub outputs: usize,
    /// How they became one.
    pub rule: HeadRule,
    /// The class of which the probability is.
    pub positive: Option<ClassRecord>,
    /// The class that it is set against.
    pub negative: Option<ClassRecord>,
    /// Whether nobody said which class is positive, and the second of two was taken.
    pub assumed: bool,
    /// What the probability means, in words.
    pub meaning: String,
}

/// What was done to weights of another program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRecord {
    /// The program whose names the parameters had: "torchvision", "CheXNet", "MONAI" or "torchxrayvision".
    pub program: String,
    /// What stood before the names of all parameters, such as "module.densenet121."; empty: nothing.
    pub prefix: String,
    /// How many tensors had other names than torchvision's, but for the prefix.
    pub renamed: usize,
    /// What was done to the first convolution, if anything.
    pub first_convolution: Option<String>,
    /// What became of the head.
    pub head: HeadRecord,
    /// What the values of images are normalised to, and who says so.
    pub normalisation: String,
    /// Where the threshold comes from, if from the file.
    pub threshold: Option<String>,
    /// Entries of the file that are no parameters, and had no effect but what is said here.
    pub left_out: Vec<String>,
}

impl ImportRecord {
    /// What a user should know, a sentence each; what was assumed is a warning.
    pub fn notes(&self) -> Vec<(LogLevel, String)> {
        let mut notes = Vec::new();
        let mut note = |level, what: String| notes.push((level, what));
        if let Some(done) = &self.first_convolution {
            note(LogLevel::Info, format!("first convolution: {done}"));
        }
        if self.head.rule != HeadRule::Kept {
            let level = if self.head.assumed { LogLevel::Warning } else { LogLevel::Info };
            note(level, format!("head of {} outputs: {}", self.head.outputs, self.head.meaning));
        }
        note(LogLevel::Info, format!("normalisation: {}", self.normalisation));
        if let Some(threshold) = &self.threshold {
            note(LogLevel::Info, format!("threshold: {threshold}"));
        }
        notes
    }
}
