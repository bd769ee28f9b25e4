//! Derives `lens_base::Options` and `lens_base::Choice`: each option is one field with its documentation, default, range
//! and flag, each choice one variant. Knows nothing of what the options mean.

mod choice;
mod documentation;
mod options;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Describes the fields of an options struct, sets them by name, and makes its `Default`.
///
/// Attributes of a field:
/// - `#[option(...)]`: an option. `default = EXPRESSION` (else that of the type); `minimum`, `maximum` (inclusive), `above`,
///   `below` (exclusive): its range; `unset = WORDS`: what happens when it is `None`, with `none = NUMBER`, the number
///   that says so in C (0 unless given); `flag = "--name VALUE"`: its flag on the command line, `"--name = VALUE"` for one
///   that sets a fixed value; `switch = "..."`: what a flag without a value does, in words that take the place of the
///   documentation's first sentence in its help; `name = "..."`: its name, where that is not the field's.
/// - `#[option(nested)]`: a struct whose options are this struct's, too.
/// - `#[option(skip)]`: no option; `default = EXPRESSION` holds.
#[proc_macro_derive(Options, attributes(option))]
pub fn derive_options(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    options::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Names and numbers the variants of an enum, from 0 in their order.
///
/// `#[choice(name = "...")]` on the enum names the type, on a variant its name in snake case; `#[choice(word = "...")]` on
/// a variant is its word on the command line, where that is not the name with hyphens.
#[proc_macro_derive(Choice, attributes(choice))]
pub fn derive_choice(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    choice::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// "GradCamPlusPlus" as "grad_cam_plus_plus".
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
