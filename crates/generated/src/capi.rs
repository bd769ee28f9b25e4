//! `src/capi/generated.rs`: choices and options structs of C.

use crate::description::{Extra, OptionsStruct, choices, control, options_structs};
use crate::words::{c_documentation, rust_comment};
use lens_base::options::{ChoiceDescription, Field, Kind, Value};
use std::fmt::Write;

const BEGINNING: &str = "\
//! Choices and options structs of C, from their descriptions in the library. Written by `make header`; do not edit.
#![allow(dead_code, reason = \"constants are for the header\")]

use super::arguments::optional_text;
use super::cancel::lens_cancel_token;
use super::context::lens_log_fn;
use super::dataset::lens_dataset;
use super::model::lens_model;
use super::options::{self, Raw, StructOptions};
use super::progress::lens_progress_fn;
use lens_base::Result;
use lens_base::options::{Options, Value};
use std::ffi::{c_char, c_void};
use std::mem::offset_of;
use std::ptr;
";

/// The file.
pub fn generated() -> String {
    let mut text = BEGINNING.to_string();
    choices().into_iter().for_each(|choice| text += &choice_source(choice));
    options_structs().iter().for_each(|options| text += &options_source(options));
    text
}

fn choice_source(choice: &ChoiceDescription) -> String {
    let name = format!("lens_{}", choice.name);
    let mut text = format!("\n{}pub type {name} = i32;\n", rust_comment(choice.documentation, ""));
    for alternative in choice.alternatives {
        text += &rust_comment(alternative.documentation, "");
        let _ = writeln!(text, "pub const {}: {name} = {};", choice.constant(alternative), alternative.number);
    }
    text
}

fn options_source(options: &OptionsStruct) -> String {
    let OptionsStruct { name, function, path, documentation, fields, controlled, extras, grown_from } = options;
    let mut all: Vec<&Extra> = extras.iter().collect();
    let control = control();
    if *controlled {
        all.extend(&control);
    }
    let head =
        format!("Options of {function}(). Fill with {name}_init(), then change what you need.\n\n{documentation}");
    let mut text = format!("\n{}#[repr(C)]\n#[derive(Clone, Copy)]\npub struct {name} {{\n", rust_comment(&head, ""));
    text += &rust_comment(&format!("sizeof({name}); set by {name}_init()."), "    ");
    text += "    pub struct_size: usize,\n";
    for extra in &all {
        text += &rust_comment(extra.documentation, "    ");
        let _ = writeln!(text, "    pub {}: {},", extra.name, extra.ty);
    }
    for field in fields {
        text += &rust_comment(&c_documentation(field), "    ");
        let _ = writeln!(text, "    pub {}: {},", field.name, rust_type(field.kind));
    }
    text += "}\n\n";
    text += "// SAFETY: repr(C), struct_size first, numbers, raw pointers and optional function pointers only.\n";
    let _ = writeln!(text, "unsafe impl StructOptions for {name} {{");
    let _ = writeln!(text, "    const NAME: &'static str = \"{name}\";");
    let first = grown_from.map_or("size_of::<Self>()".into(), |field| format!("offset_of!(Self, {field})"));
    let _ = writeln!(text, "    const FIRST_SIZE: usize = {first};");
    text += "    const FIELDS: &'static [(usize, usize)] = &[\n        (0, size_of::<usize>()),\n";
    let types = all.iter().map(|extra| (extra.name, extra.ty.to_string()));
    for (field, ty) in types.chain(fields.iter().map(|field| (field.name, rust_type(field.kind)))) {
        let _ = writeln!(text, "        (offset_of!(Self, {field}), size_of::<{ty}>()),");
    }
    text += "    ];\n";
    let _ =
        writeln!(text, "    fn defaults() -> Self {{\n        {name} {{\n            struct_size: size_of::<Self>(),");
    for extra in &all {
        let _ = writeln!(text, "            {}: {},", extra.name, extra.default);
    }
    for field in fields {
        let _ = writeln!(text, "            {}: {},", field.name, rust_default(field));
    }
    text += "        }\n    }\n}\n\n";
    let _ = writeln!(text, "impl {name} {{");
    text +=
        "    /// The same for the library.\n    ///\n    /// # Safety\n    /// Its strings are NULL or C strings.\n";
    let _ = writeln!(text, "    pub(super) unsafe fn to_library(self) -> Result<{path}> {{");
    let _ = writeln!(text, "        let mut options = {path}::default();");
    for field in fields {
        text += &setting(field);
    }
    text += "        Ok(options)\n    }\n}\n\n";
    text += "/// Fills the options with their defaults; NULL is a no-op.\n#[unsafe(no_mangle)]\n";
    let _ = writeln!(text, "pub unsafe extern \"C\" fn {name}_init(options: *mut {name}) {{");
    text += "    // SAFETY: NULL or writable by contract.\n    unsafe { options::init(options) }\n}\n";
    text
}

fn rust_type(kind: Kind) -> String {
    match kind {
        Kind::Bool | Kind::Automatic | Kind::I32 => "i32".into(),
        Kind::U32 => "u32".into(),
        Kind::U64 => "u64".into(),
        Kind::F32 => "f32".into(),
        Kind::F64 => "f64".into(),
        Kind::Rgb => "[f32; 3]".into(),
        Kind::Text | Kind::Path => "*const c_char".into(),
        Kind::Choice(choice) => format!("lens_{}", choice.name),
    }
}

fn rust_default(field: &Field) -> String {
    match (&field.default, field.kind) {
        (Value::Bool(value), _) => i32::from(*value).to_string(),
        (Value::Automatic(value), _) => value.map_or(-1, i32::from).to_string(),
        (Value::Integer(number), _) => number.to_string(),
        (Value::Float(number), Kind::F32) => format!("{:?}", *number as f32),
        (Value::Float(number), _) => format!("{number:?}"),
        (Value::Rgb(numbers), _) => format!("{numbers:?}"),
        (Value::Text(_), _) => "ptr::null()".into(),
        (Value::Choice(number), Kind::Choice(choice)) => choice.constant(&choice.alternatives[*number as usize]),
        (Value::Choice(number), _) => number.to_string(),
    }
}

fn setting(field: &Field) -> String {
    let name = field.name;
    match field.kind {
        Kind::Text | Kind::Path => format!(
            "        // SAFETY: NULL or a C string by contract.\n        if let Some(text) = unsafe {{ \
             optional_text(\"{name}\", self.{name}) }}? {{\n            options.set(\"{name}\", \
             Value::Text(Some(text.into())))?;\n        }}\n"
        ),
        kind => {
            let raw = match kind {
                Kind::Bool => "flag",
                Kind::Automatic => "automatic",
                Kind::Choice(_) => "choice",
                Kind::Rgb => "rgb",
                Kind::F32 | Kind::F64 => "float",
                _ => "integer",
            };
            format!("        options.set(\"{name}\", Raw(\"{name}\").{raw}(self.{name})?)?;\n")
        }
    }
}
