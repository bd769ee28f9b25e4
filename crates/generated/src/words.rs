//! Documentation of options in C, put together from their descriptions, and comments of a given width.

use lens_base::options::{Field, Kind, Value};

/// What a header says of an option: its documentation, and what it can be and is by default.
pub fn c_documentation(field: &Field) -> String {
    let unset = field.unset.map(|meaning| format!(": {meaning}")).unwrap_or_default();
    let range = if field.range.is_bounded() { field.range.to_string() } else { String::new() };
    let (values, default) = match (field.kind, &field.default) {
        (Kind::Choice(choice), Value::Choice(number)) => (
            format!("LENS_{}_...", choice.name.to_uppercase()),
            choice.constant(&choice.alternatives[*number as usize]),
        ),
        (Kind::Bool, Value::Bool(default)) => ("1: yes, 0: no".into(), i32::from(*default).to_string()),
        (Kind::Automatic, _) => ("1: yes, 0: no".into(), format!("-1, automatic{unset}")),
        (Kind::Text | Kind::Path, Value::Text(Some(text))) => (String::new(), format!("NULL: \"{text}\"")),
        (Kind::Text | Kind::Path, _) => (String::new(), format!("NULL{unset}")),
        (_, default) => (range, format!("{}{unset}", c_number(field, default))),
    };
    let (values, word) = if values.is_empty() { (values, "Default") } else { (values + "; ", "default") };
    let mut values = values.chars();
    let values: String = values.next().into_iter().flat_map(char::to_uppercase).chain(values).collect();
    format!("{} {values}{word} {default}.", field.documentation)
}

/// The default in words.
fn c_number(field: &Field, value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Float(number) if field.kind == Kind::F32 => (*number as f32).to_string(),
        Value::Float(number) if *number != 0.0 && number.abs() < 1e-3 => format!("{number:e}"),
        Value::Float(number) => number.to_string(),
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
