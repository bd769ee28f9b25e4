//! `bindings/interface.json`: everything that the header declares, for the programs that write the bindings.

use crate::description::{choices, options_structs};
use crate::documentation::documentation;
use crate::source::{Declaration, sections};
use lens_base::options::{Field, Kind, Value};
use lens_base::{Error, Result};
use quote::ToTokens;
use serde_json::{Map, Value as Json, json};
use syn::{Expr, FnArg, ItemConst, Pat, ReturnType, Type};

/// The description, with keys in a fixed order.
pub fn interface() -> Result<String> {
    let (mut constants, mut enumerations, mut opaque) = (Map::new(), Vec::new(), Vec::new());
    let (mut callbacks, mut structs, mut functions) = (Vec::new(), Vec::new(), Vec::new());
    for (section, declarations) in sections()? {
        for declaration in declarations {
            let name = declaration.name();
            match declaration {
                Declaration::Constant(item) => {
                    constants.insert(name, number(&item)?.into());
                }
                Declaration::Enumeration(item, values) => {
                    enumerations.push(enumeration(&name, &documentation(&item.attrs), &values)?);
                }
                Declaration::Opaque(item) => opaque.push(json!({ "name": name, "doc": documentation(&item.attrs) })),
                Declaration::Callback(item) => {
                    callbacks.push(json!({
                        "name": name,
                        "doc": documentation(&item.attrs),
                        "parameters": callback_parameters(&item.ty)?,
                    }));
                }
                Declaration::Struct(item) => {
                    let described = options_structs().into_iter().find(|options| options.name == name);
                    let mut fields = Vec::new();
                    for field in &item.fields {
                        let field_name = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
                        let mut entry = variable(&field_name, &field.ty)?;
                        entry.insert("doc".into(), documentation(&field.attrs).into());
                        let options = described.as_ref().map(|options| &options.fields);
                        let option = options.and_then(|fields| fields.iter().find(|field| field.name == field_name));
                        if let Some(option) = option {
                            entry.insert("option".into(), option_json(option));
                        }
                        fields.push(Json::Object(entry));
                    }
                    structs.push(json!({ "name": name, "doc": documentation(&item.attrs), "fields": fields }));
                }
                Declaration::Function(item) => {
                    let mut parameters = Vec::new();
                    for argument in &item.sig.inputs {
                        if let FnArg::Typed(argument) = argument
                            && let Pat::Ident(pattern) = &*argument.pat
                        {
                            parameters.push(Json::Object(variable(&pattern.ident.to_string(), &argument.ty)?));
                        }
                    }
                    let result = match &item.sig.output {
                        ReturnType::Default => json!({ "type": "void", "stars": 0, "const": false }),
                        ReturnType::Type(_, ty) => Json::Object(type_json(ty)?),
                    };
                    functions.push(json!({
                        "name": name,
                        "section": section,
                        "doc": documentation(&item.attrs),
                        "result": result,
                        "parameters": parameters,
                    }));
                }
            }
        }
    }
    let all = json!({
        "note": "Generated from src/capi by `make header`; do not edit.",
        "constants": constants,
        "enumerations": enumerations,
        "opaque": opaque,
        "callbacks": callbacks,
        "structs": structs,
        "functions": functions,
    });
    let text = serde_json::to_string_pretty(&all).map_err(|error| Error::internal(error.to_string()))?;
    Ok(text + "\n")
}

fn number(item: &ItemConst) -> Result<i64> {
    let text = match &*item.expr {
        Expr::Lit(literal) => literal.lit.to_token_stream().to_string(),
        other => other.to_token_stream().to_string(),
    };
    text.parse().map_err(|_| Error::internal(format!("{} is {text}, which is no whole number", item.ident)))
}

fn enumeration(name: &str, doc: &str, values: &[ItemConst]) -> Result<Json> {
    let described = choices().into_iter().find(|choice| format!("lens_{}", choice.name) == name);
    // lens_status alone is not described: its constants have no word of their type in common.
    let prefix = match described {
        Some(choice) => format!("LENS_{}_", choice.name.to_uppercase()),
        None => "LENS_".into(),
    };
    let mut entries = Vec::new();
    for value in values {
        let constant = value.ident.to_string();
        let short = constant.strip_prefix(&prefix).unwrap_or(&constant).to_lowercase();
        entries.push(json!({
            "name": constant,
            "short": short,
            "number": number(value)?,
            "doc": documentation(&value.attrs),
        }));
    }
    Ok(json!({ "name": name, "doc": doc, "prefix": prefix, "values": entries }))
}

fn callback_parameters(ty: &Type) -> Result<Vec<Json>> {
    let mut found = Vec::new();
    // Option<unsafe extern "C" fn(name: type, ...)>
    let function = option_argument(ty).ok_or_else(|| Error::internal("a callback that is no Option of a function"))?;
    let Type::FnPtr(function) = function else {
        return Err(Error::internal("a callback that is no function"));
    };
    for argument in &function.inputs {
        let name = argument.name.as_ref().map(|(name, _)| name.to_string()).unwrap_or_default();
        found.push(Json::Object(variable(&name, &argument.ty)?));
    }
    Ok(found)
}

fn option_argument(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last()?;
    let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first()? {
        syn::GenericArgument::Type(ty) if segment.ident == "Option" => Some(ty),
        _ => None,
    }
}

fn variable(name: &str, ty: &Type) -> Result<Map<String, Json>> {
    let mut entry = Map::new();
    entry.insert("name".into(), name.into());
    entry.extend(type_json(ty)?);
    Ok(entry)
}

/// A type as C names it, behind so many pointers; `const`: what it points to is not written.
fn type_json(ty: &Type) -> Result<Map<String, Json>> {
    let (mut ty, mut stars, mut is_const, mut array) = (ty, 0, false, None);
    loop {
        match ty {
            Type::Ptr(pointer) => {
                is_const =
                    if stars == 0 { matches!(pointer.mutability, syn::PointerMutability::Const(_)) } else { is_const };
                stars += 1;
                ty = &pointer.elem;
            }
            Type::Array(of) => {
                let length = of.len.to_token_stream().to_string();
                array = Some(length.parse::<u64>().map_err(|_| Error::internal(format!("an array of {length}")))?);
                ty = &of.elem;
            }
            _ => break,
        }
    }
    let name = ty.to_token_stream().to_string();
    let name = match name.as_str() {
        "i32" => "int32_t",
        "u8" => "uint8_t",
        "u16" => "uint16_t",
        "u32" => "uint32_t",
        "u64" => "uint64_t",
        "usize" => "size_t",
        "f32" => "float",
        "f64" => "double",
        "c_char" => "char",
        "c_void" => "void",
        other => other,
    };
    let mut entry = Map::new();
    entry.insert("type".into(), name.into());
    entry.insert("stars".into(), stars.into());
    entry.insert("const".into(), is_const.into());
    if let Some(length) = array {
        entry.insert("array".into(), length.into());
    }
    Ok(entry)
}

fn option_json(field: &Field) -> Json {
    let kind = match field.kind {
        Kind::Bool => "bool",
        Kind::Automatic => "automatic",
        Kind::I32 | Kind::U32 | Kind::U64 => "integer",
        Kind::F32 | Kind::F64 => "number",
        Kind::Rgb => "rgb",
        Kind::Text => "text",
        Kind::Path => "path",
        Kind::Choice(_) => "choice",
    };
    let default = match (&field.default, field.kind) {
        (Value::Bool(value), _) => json!(value),
        (Value::Automatic(value), _) => json!(value),
        (Value::Integer(number), _) => json!(*number as i64),
        (Value::Float(number), Kind::F32) => json!((*number as f32).to_string().parse::<f64>().unwrap_or(*number)),
        (Value::Float(number), _) => json!(number),
        (Value::Rgb(numbers), _) => json!(numbers),
        (Value::Text(text), _) => json!(text),
        (Value::Choice(number), Kind::Choice(choice)) => json!(choice.alternatives[*number as usize].name),
        (Value::Choice(number), _) => json!(number),
    };
    let bound = |bound: Option<lens_base::options::Bound>| {
        bound.map_or(Json::Null, |bound| json!({ "value": bound.value, "inclusive": bound.inclusive }))
    };
    json!({
        "kind": kind,
        "doc": field.documentation,
        "default": default,
        "unset": field.unset,
        "minimum": bound(field.range.minimum),
        "maximum": bound(field.range.maximum),
        "flag": field.flag,
    })
}
