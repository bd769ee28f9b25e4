//! Values of options.

/// A value of an option, as C and the command line have it: what is not set is the number that stands for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// Yes, no, or left to the library.
    Automatic(Option<bool>),
    /// A whole number.
    Integer(i128),
    /// A real number.
    Float(f64),
    /// Three real numbers, for red, green and blue.
    Rgb([f32; 3]),
    /// Text or a path; `None`: not given.
    Text(Option<String>),
    /// The number of an alternative.
    Choice(i32),
}
