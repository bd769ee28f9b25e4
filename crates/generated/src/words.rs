//! Documentation of options in C, put together from their descriptions, and comments of a given width.

use lens_base::options::{Field, Kind, Value};

/// What a header says of an option: its documentation, what it can be, and what it is by default.
pub fn c_documentation(field: &Field) -> String {
    let values = match (field.kind, &field.default) {
        (Kind::Choice(choice), Value::Choice(number)) => {
            let default = choice.constant(&choice.alternatives[*number as usize]);
            format!("LENS_{}_...; default {default}", choice.name.to_uppercase())
        }
        (Kind::Bool, Value::Bool(default)) => format!("1: yes, 0: no; default {}", i32::from(*default)),
        (Kind::Automatic, _) => format!("1: yes, 0: no, -1 (default): automatic, {}", field.unset.unwrap_or_default()),
        (Kind::Text | Kind::Path, Value::Text(Some(text))) => format!("NULL (default): \"{text}\""),
        (Kind::Text | Kind::Path, _) => format!("NULL (default): {}", field.unset.unwrap_or_default()),
        (_, default) => numbers(field, default),
    };
    let mut letters = values.chars();
    let values: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    format!("{} {values}.", field.documentation)
}

/// The range of a number, what stands for "unset" where it can be that, and the default.
fn numbers(field: &Field, default: &Value) -> String {
    let range = field.range.to_string();
    let shown = c_number(field, default);
    match field.unset {
        None if field.range.is_bounded() => format!("{range}; default {shown}"),
        None => format!("default {shown}"),
        Some(meaning) => {
            let between = if field.range.contains(field.none) { "; " } else { ", or " };
            let range = if field.range.is_bounded() { range + between } else { String::new() };
            if field.is_unset(default) {
                format!("{range}{} (default): {meaning}", field.none)
            } else {
                format!("{range}{}: {meaning}; default {shown}", field.none)
            }
        }
    }
}

/// The default in words.
fn c_number(field: &Field, value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Float(number) if field.kind == Kind::F64 && *number != 0.0 && number.abs() < 1e-3 => {
            format!("{number:e}")
        }
        Value::Float(number) => field.number(*number),
        Value::Rgb([red, green, blue]) if red == green && green == blue => red.to_string(),
        Value::Rgb(numbers) => format!("{numbers:?}"),
        other => format!("{other:?}"),
    }
}

/// The text as doc comments of Rust, at most 120 characters wide.
pub fn rust_comment(text: &str, indent: &str) -> String {
    let mut lines = String::new();
    for (index, paragraph) in text.split("\n\n").enumerate() {
        if index > 0 {
            lines += &format!("{indent}///\n");
        }
        let mut line = format!("{indent}///");
        for word in paragraph.split_whitespace() {
            if line.chars().count() + 1 + word.chars().count() > 120 {
                lines += &format!("{line}\n");
                line = format!("{indent}///");
            }
            line += &format!(" {word}");
        }
        lines += &format!("{line}\n");
    }
    lines
}
