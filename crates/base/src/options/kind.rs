//! Kinds of options, and the Rust types that have them.

use super::Value;
use crate::{Error, Result};
use std::path::PathBuf;

/// What values an option can have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Yes or no: 1 or 0 in C.
    Bool,
    /// Yes, no, or left to the library: 1, 0 or -1 in C.
    Automatic,
    /// Whole numbers of 32 bits.
    I32,
    /// Whole numbers of 32 bits, 0 or more.
    U32,
    /// Whole numbers of 64 bits, 0 or more.
    U64,
    /// Real numbers in single precision.
    F32,
    /// Real numbers in double precision.
    F64,
    /// Three numbers in single precision, for red, green and blue.
    Rgb,
    /// Text, UTF-8.
    Text,
    /// A path, UTF-8.
    Path,
    /// One of several alternatives.
    Choice(&'static ChoiceDescription),
}

/// A named choice.
#[derive(Debug, PartialEq)]
pub struct ChoiceDescription {
    /// Name of the type, in snake case, such as "select_by".
    pub name: &'static str,
    /// What is chosen.
    pub documentation: &'static str,
    /// In the order of their numbers, from 0.
    pub alternatives: &'static [Alternative],
}

impl ChoiceDescription {
    /// The alternative with this number.
    pub fn alternative(&self, number: i32) -> Option<&'static Alternative> {
        self.alternatives.get(usize::try_from(number).ok()?)
    }
}

/// One of the alternatives of a choice.
#[derive(Debug, PartialEq)]
pub struct Alternative {
    /// In snake case, such as "grad_cam_plus_plus".
    pub name: &'static str,
    /// On the command line, such as "grad-cam++".
    pub word: &'static str,
    /// Its number in C.
    pub number: i32,
    /// What it means.
    pub documentation: &'static str,
}

/// An enum whose variants are the alternatives of a choice; see the derive macro of the same name.
pub trait Choice: Copy + 'static {
    /// Its names and documentation.
    const DESCRIPTION: &'static ChoiceDescription;

    /// The alternative with this number.
    fn from_number(number: i32) -> Option<Self>;

    /// Its number.
    fn number(self) -> i32;

    /// Its name in snake case.
    fn name(self) -> &'static str {
        Self::DESCRIPTION.alternatives[self.number() as usize].name
    }

    /// Its word on the command line.
    fn word(self) -> &'static str {
        Self::DESCRIPTION.alternatives[self.number() as usize].word
    }
}

/// A type that an option can have. `none` is the number that stands for `None`.
pub trait OptionValue: Sized {
    /// The kind of option.
    const KIND: Kind;

    /// The value as C and the command line have it.
    fn to_value(&self, none: f64) -> Value;

    /// Reads a value of this kind; `name` is the option's, for messages.
    fn from_value(name: &str, value: Value, none: f64) -> Result<Self>;
}

fn other_kind(name: &str, value: &Value, kind: Kind) -> Error {
    Error::internal(format!("{name} is of the kind {kind:?}, and cannot be {value:?}"))
}

impl OptionValue for bool {
    const KIND: Kind = Kind::Bool;

    fn to_value(&self, _: f64) -> Value {
        Value::Bool(*self)
    }

    fn from_value(name: &str, value: Value, _: f64) -> Result<Self> {
        match value {
            Value::Bool(value) => Ok(value),
            other => Err(other_kind(name, &other, Self::KIND)),
        }
    }
}

impl OptionValue for Option<bool> {
    const KIND: Kind = Kind::Automatic;

    fn to_value(&self, _: f64) -> Value {
        Value::Automatic(*self)
    }

    fn from_value(name: &str, value: Value, _: f64) -> Result<Self> {
        match value {
            Value::Automatic(value) => Ok(value),
            other => Err(other_kind(name, &other, Self::KIND)),
        }
    }
}

macro_rules! integers {
    ($($ty:ty: $kind:ident),*) => {$(
        impl OptionValue for $ty {
            const KIND: Kind = Kind::$kind;

            fn to_value(&self, _: f64) -> Value {
                Value::Integer((*self).into())
            }

            fn from_value(name: &str, value: Value, _: f64) -> Result<Self> {
                match value {
                    Value::Integer(number) => <$ty>::try_from(number).map_err(|_| {
                        Error::argument(format!("{name} is {number}; it must be {} to {}", <$ty>::MIN, <$ty>::MAX))
                    }),
                    other => Err(other_kind(name, &other, Self::KIND)),
                }
            }
        }

        impl OptionValue for Option<$ty> {
            const KIND: Kind = Kind::$kind;

            fn to_value(&self, none: f64) -> Value {
                self.map_or(Value::Integer(none as i128), |number| Value::Integer(number.into()))
            }

            fn from_value(name: &str, value: Value, none: f64) -> Result<Self> {
                match value {
                    Value::Integer(number) if number == none as i128 => Ok(None),
                    value => <$ty>::from_value(name, value, none).map(Some),
                }
            }
        }
    )*};
}

integers!(i32: I32, u32: U32, u64: U64);

macro_rules! floats {
    ($($ty:ty: $kind:ident),*) => {$(
        impl OptionValue for $ty {
            const KIND: Kind = Kind::$kind;

            fn to_value(&self, _: f64) -> Value {
                Value::Float((*self).into())
            }

            fn from_value(name: &str, value: Value, _: f64) -> Result<Self> {
                match value {
                    Value::Float(number) => Ok(number as $ty),
                    other => Err(other_kind(name, &other, Self::KIND)),
                }
            }
        }

        impl OptionValue for Option<$ty> {
            const KIND: Kind = Kind::$kind;

            fn to_value(&self, none: f64) -> Value {
                self.map_or(Value::Float(none), |number| Value::Float(number.into()))
            }

            fn from_value(name: &str, value: Value, none: f64) -> Result<Self> {
                match value {
                    Value::Float(number) if number == none => Ok(None),
                    value => <$ty>::from_value(name, value, none).map(Some),
                }
            }
        }
    )*};
}

floats!(f32: F32, f64: F64);

impl OptionValue for [f32; 3] {
    const KIND: Kind = Kind::Rgb;

    fn to_value(&self, _: f64) -> Value {
        Value::Rgb(*self)
    }

    fn from_value(name: &str, value: Value, _: f64) -> Result<Self> {
        match value {
            Value::Rgb(numbers) => Ok(numbers),
            other => Err(other_kind(name, &other, Self::KIND)),
        }
    }
}

impl OptionValue for Option<String> {
    const KIND: Kind = Kind::Text;

    fn to_value(&self, _: f64) -> Value {
        Value::Text(self.clone())
    }

    fn from_value(name: &str, value: Value, _: f64) -> Result<Self> {
        match value {
            Value::Text(text) => Ok(text),
            other => Err(other_kind(name, &other, Self::KIND)),
        }
    }
}

impl OptionValue for String {
    const KIND: Kind = Kind::Text;

    fn to_value(&self, _: f64) -> Value {
        Value::Text(Some(self.clone()))
    }

    fn from_value(name: &str, value: Value, _: f64) -> Result<Self> {
        match value {
            Value::Text(Some(text)) => Ok(text),
            Value::Text(None) => Err(Error::argument(format!("{name} is NULL"))),
            other => Err(other_kind(name, &other, Self::KIND)),
        }
    }
}

impl OptionValue for Option<PathBuf> {
    const KIND: Kind = Kind::Path;

    fn to_value(&self, _: f64) -> Value {
        Value::Text(self.as_ref().map(|path| path.to_string_lossy().into_owned()))
    }

    fn from_value(name: &str, value: Value, _: f64) -> Result<Self> {
        match value {
            Value::Text(text) => Ok(text.map(PathBuf::from)),
            other => Err(other_kind(name, &other, Self::KIND)),
        }
    }
}

impl<C: Choice> OptionValue for C {
    const KIND: Kind = Kind::Choice(C::DESCRIPTION);

    fn to_value(&self, _: f64) -> Value {
        Value::Choice(self.number())
    }

    fn from_value(name: &str, value: Value, _: f64) -> Result<Self> {
        match value {
            Value::Choice(number) => C::from_number(number).ok_or_else(|| C::DESCRIPTION.refuse(name, number)),
            other => Err(other_kind(name, &other, Self::KIND)),
        }
    }
}

impl ChoiceDescription {
    /// The constant of an alternative in C.
    pub fn constant(&self, alternative: &Alternative) -> String {
        format!("LENS_{}_{}", self.name.to_uppercase(), alternative.name.to_uppercase())
    }

    /// The error for a number that no alternative has.
    pub fn refuse(&self, name: &str, number: i32) -> Error {
        let known: Vec<String> = self
            .alternatives
            .iter()
            .map(|alternative| format!("{} ({})", self.constant(alternative), alternative.number))
            .collect();
        Error::argument(format!("{name} is {number}; it must be one of {}", known.join(", ")))
    }
}
