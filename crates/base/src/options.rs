//! What options are: their names, kinds, ranges, defaults and documentation, described once, where they are declared. The
//! C interface, its header, the bindings and the command line are made from these descriptions.

mod field;
mod kind;
mod value;

pub use field::{Bound, Field, Range};
pub use kind::{Alternative, Choice, ChoiceDescription, Kind, OptionValue};
pub use lens_options_derive::{Choice, Options};
pub use value::Value;

use crate::{Error, Result};

/// A struct of options; see the derive macro of the same name.
pub trait Options: Default {
    /// Its documentation.
    const DOCUMENTATION: &'static str;

    /// Its options in their order, those of nested structs among them; each with the value that it has now as its default.
    fn fields(&self) -> Vec<Field>;

    /// The value of an option; `None` when there is none of this name.
    fn get(&self, name: &str) -> Option<Value>;

    /// Sets an option. Ranges are not looked at (see `check_ranges`), but the value must be of the option's kind.
    fn set(&mut self, name: &str, value: Value) -> Result<()>;

    /// Refuses values that are out of their ranges, by name and value.
    fn check_ranges(&self) -> Result<()> {
        self.fields().iter().try_for_each(|field| field.check(&field.default))
    }
}

/// The error for an option that does not exist.
pub fn unknown(name: &str) -> Error {
    Error::internal(format!("there is no option {name}"))
}
