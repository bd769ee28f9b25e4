//! One option: its description, and values from text.

use super::{Kind, Value};
use crate::{Error, Result};
use std::fmt;

/// An end of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// Where it is.
    pub value: f64,
    /// Whether the value itself belongs to the range.
    pub inclusive: bool,
}

/// The numbers that an option can be; real ones must be finite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Range {
    /// Its lower end.
    pub minimum: Option<Bound>,
    /// Its upper end.
    pub maximum: Option<Bound>,
}

/// An option.
#[derive(Clone, Debug)]
pub struct Field {
    /// In snake case; the same in C and in every binding.
    pub name: &'static str,
    /// What values it can have.
    pub kind: Kind,
    /// What it does: a sentence without range and default, and more sentences where there is more to say.
    pub documentation: &'static str,
    /// Which numbers it can be.
    pub range: Range,
    /// What happens where it can be left unset, in words.
    pub unset: Option<&'static str>,
    /// The number that stands for "unset".
    pub none: f64,
    /// What it is when nobody sets it.
    pub default: Value,
    /// On the command line: "--name VALUE"; "--name" alone sets it to yes, "--no-name" to no, "--name = VALUE" to a
    /// fixed value.
    pub flag: Option<&'static str>,
    /// What a flag without a value does, in a sentence without full stop.
    pub switch: Option<&'static str>,
}

impl Range {
    /// Whether a number lies in it.
    pub fn contains(&self, number: f64) -> bool {
        let reaches = |bound: Option<Bound>, beyond: fn(f64, f64) -> bool| {
            bound.is_none_or(|bound| beyond(number, bound.value) || (bound.inclusive && number == bound.value))
        };
        number.is_finite()
            && reaches(self.minimum, |number, end| number > end)
            && reaches(self.maximum, |number, end| number < end)
    }

    /// Whether it has an end.
    pub fn is_bounded(&self) -> bool {
        self.minimum.is_some() || self.maximum.is_some()
    }
}

/// In words: "1 to 100", "above 0 and at most 1", "0 or more".
impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let low = self.minimum.map(|bound| (bound.value, bound.inclusive));
        let high = self.maximum.map(|bound| (bound.value, bound.inclusive));
        match (low, high) {
            (None, None) => formatter.write_str("finite"),
            (Some((low, true)), Some((high, true))) => write!(formatter, "{low} to {high}"),
            (Some((low, true)), None) => write!(formatter, "{low} or more"),
            (Some((low, false)), None) => write!(formatter, "above {low}"),
            (None, Some((high, true))) => write!(formatter, "at most {high}"),
            (None, Some((high, false))) => write!(formatter, "below {high}"),
            (Some((low, true)), Some((high, false))) => write!(formatter, "{low} or more and below {high}"),
            (Some((low, false)), Some((high, true))) => write!(formatter, "above {low} and at most {high}"),
            (Some((low, false)), Some((high, false))) => write!(formatter, "above {low} and below {high}"),
        }
    }
}

impl Field {
    /// Whether a value leaves it unset.
    pub fn is_unset(&self, value: &Value) -> bool {
        match value {
            Value::Integer(number) => *number as f64 == self.none,
            Value::Float(number) => *number == self.none,
            Value::Automatic(value) => value.is_none(),
            Value::Text(text) => text.is_none(),
            _ => false,
        }
    }

    /// A number in its own precision: 0.1 is not 0.10000000149011612.
    pub fn number(&self, number: f64) -> String {
        match self.kind {
            Kind::F32 | Kind::Rgb => (number as f32).to_string(),
            _ => number.to_string(),
        }
    }

    /// What it must be, in words: its range, and the number that leaves it unset.
    pub fn expected(&self) -> String {
        match self.unset {
            Some(meaning) if !matches!(self.kind, Kind::Text | Kind::Path) => {
                format!("{}, or {} ({meaning})", self.range, self.none)
            }
            _ => self.range.to_string(),
        }
    }

    /// Refuses a value of its kind that is out of its range, by name and value.
    pub fn check(&self, value: &Value) -> Result<()> {
        let numbers: &[f64] = match value {
            Value::Integer(number) => &[*number as f64],
            Value::Float(number) => &[*number],
            Value::Rgb(numbers) => &numbers.map(f64::from),
            _ => return Ok(()),
        };
        for (index, number) in numbers.iter().enumerate() {
            let unset = self.unset.is_some() && *number == self.none;
            let real = matches!(value, Value::Float(_) | Value::Rgb(_));
            if unset || ((self.range.is_bounded() || real) && self.range.contains(*number)) {
                continue;
            }
            if self.range.is_bounded() || real {
                let component = if numbers.len() > 1 { format!("[{index}]") } else { String::new() };
                let shown = self.number(*number);
                return Err(Error::argument(format!(
                    "{}{component} is {shown}; it must be {}",
                    self.name,
                    self.expected()
                )));
            }
        }
        Ok(())
    }

    /// A value from text, in its range: numbers, words of alternatives, "on", "off" and "auto". `name` is what the option
    /// is called where the text comes from, such as "--epochs".
    pub fn parse(&self, name: &str, text: &str) -> Result<Value> {
        let refuse = |expected: &str| Error::argument(format!("{name} '{text}': it must be {expected}"));
        let number = || {
            let whole = matches!(self.kind, Kind::I32 | Kind::U32 | Kind::U64);
            let kind = if whole { "a whole number" } else { "a number" };
            if self.range.is_bounded() { format!("{kind}, {}", self.expected()) } else { kind.to_string() }
        };
        let value = match self.kind {
            Kind::Text | Kind::Path => return Ok(Value::Text(Some(text.to_string()))),
            Kind::Choice(choice) => {
                let chosen = choice.alternatives.iter().find(|alternative| alternative.word == text);
                let words = || choice.alternatives.iter().map(|alternative| alternative.word).collect::<Vec<_>>();
                let chosen = chosen.ok_or_else(|| refuse(&one_of(&words())))?;
                return Ok(Value::Choice(chosen.number));
            }
            Kind::Bool | Kind::Automatic => {
                let automatic = self.kind == Kind::Automatic;
                return match text {
                    "on" if automatic => Ok(Value::Automatic(Some(true))),
                    "off" if automatic => Ok(Value::Automatic(Some(false))),
                    "auto" if automatic => Ok(Value::Automatic(None)),
                    "on" => Ok(Value::Bool(true)),
                    "off" => Ok(Value::Bool(false)),
                    _ => Err(refuse(if automatic { "auto, on or off" } else { "on or off" })),
                };
            }
            Kind::I32 | Kind::U32 | Kind::U64 => text.parse().map(Value::Integer).map_err(|_| refuse(&number()))?,
            Kind::F32 => text.parse::<f32>().map(|value| Value::Float(value.into())).map_err(|_| refuse(&number()))?,
            Kind::F64 => text.parse().map(Value::Float).map_err(|_| refuse(&number()))?,
            Kind::Rgb => {
                let parts: Option<Vec<f32>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
                match parts.as_deref() {
                    Some([one]) => Value::Rgb([*one; 3]),
                    Some([red, green, blue]) => Value::Rgb([*red, *green, *blue]),
                    _ => return Err(refuse("a number, or three for red, green and blue between commas")),
                }
            }
        };
        self.check(&value).map_err(|_| refuse(&number()))?;
        Ok(value)
    }
}

/// "a, b or c".
fn one_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_string(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}
