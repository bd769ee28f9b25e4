//! How heatmaps are made and coloured, as the page offers it: from the descriptions of the library's options.

use super::errors::Refusal;
use lens_base::Error;
use lens_base::options::{Choice, Field, Kind, Options, Value};
use lens_tasks::heatmap::{Colormap, HeatmapOptions, Method, OverlayOptions};
use serde_json::{Map, Value as Json, json};
use std::fmt::Write;

/// Options of heatmaps that the page does not offer as such: the method has a place of its own, and maps that have no value
/// for each pixel cannot be laid over an image.
const NOT_OFFERED: [&str; 2] = ["method", "resolution"];

/// Without line breaks.
fn flowing(documentation: &str) -> String {
    documentation.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a method answers: the sentence in quotation marks.
fn question(documentation: &str) -> &str {
    documentation.split('"').nth(1).unwrap_or(documentation)
}

/// `methods` of the state.
pub fn methods() -> Vec<Json> {
    let title = |name: &str| match name {
        "cam" => "CAM".to_string(),
        "grad_cam_plus_plus" => "Grad-CAM++".to_string(),
        name => name[..1].to_uppercase() + &name[1..],
    };
    let alternatives = Method::DESCRIPTION.alternatives.iter();
    alternatives
        .map(|method| {
            let documentation = flowing(method.documentation);
            json!({
                "word": method.word,
                "name": title(method.name),
                "question": question(&documentation),
                "documentation": documentation,
            })
        })
        .collect()
}

/// `colormaps` of the state.
pub fn colormaps() -> Vec<Json> {
    let alternatives = Colormap::DESCRIPTION.alternatives.iter();
    alternatives
        .filter_map(|alternative| {
            let colormap = Colormap::from_number(alternative.number)?;
            let mut colours = String::new();
            for channel in (0..=u8::MAX).flat_map(|index| colormap.entry(index)) {
                // Writing to a string does not fail.
                let _ = write!(colours, "{channel:02x}");
            }
            Some(json!({ "word": alternative.word, "colours": colours }))
        })
        .collect()
}

/// `options` of the state.
pub fn options() -> Vec<Json> {
    let fields = HeatmapOptions::default().fields();
    fields.iter().filter(|field| !NOT_OFFERED.contains(&field.name)).filter_map(option).collect()
}

/// One that the page can show; numbers in threes, texts and paths are none.
fn option(field: &Field) -> Option<Json> {
    let kind = match field.kind {
        Kind::Bool => "bool",
        Kind::I32 | Kind::U32 | Kind::U64 => "integer",
        Kind::F32 | Kind::F64 => "float",
        Kind::Choice(_) => "choice",
        Kind::Automatic | Kind::Rgb | Kind::Text | Kind::Path => return None,
    };
    let default = match (&field.default, field.kind) {
        (Value::Bool(value), _) => json!(value),
        (Value::Integer(number), _) => json!(*number as i64),
        (Value::Float(number), Kind::F32) => json!(super::json::number(*number as f32)),
        (Value::Float(number), _) => json!(number),
        (Value::Choice(number), Kind::Choice(choice)) => json!(choice.alternative(*number).map(|one| one.word)),
        _ => Json::Null,
    };
    let never_negative = matches!(field.kind, Kind::U32 | Kind::U64).then_some(0.0);
    let mut described = json!({
        "name": field.name,
        "kind": kind,
        "documentation": flowing(field.documentation),
        "default": default,
        "minimum": field.range.minimum.map(|bound| bound.value).or(never_negative),
        "maximum": field.range.maximum.map(|bound| bound.value),
        "unset": field.unset.filter(|_| field.is_unset(&field.default)),
    });
    if let Kind::Choice(choice) = field.kind {
        let alternatives = choice.alternatives.iter();
        described["choices"] =
            alternatives.map(|one| json!({ "word": one.word, "documentation": flowing(one.documentation) })).collect();
    }
    Some(described)
}

/// Sets an option from text.
fn set<T: Options>(options: &mut T, fields: &[Field], name: &str, text: &str) -> lens_base::Result<()> {
    let Some(field) = fields.iter().find(|field| field.name == name) else {
        let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
        return Err(Error::argument(format!("there is no option '{name}'; there are {}", names.join(", "))));
    };
    let text = match (field.kind, text) {
        (Kind::Bool, "true" | "1") => "on",
        (Kind::Bool, "false" | "0") => "off",
        (_, text) => text,
    };
    options.set(name, field.parse(name, text)?)
}

/// The options of heatmaps that a document names.
pub fn heatmap_options(document: &Map<String, Json>) -> Result<HeatmapOptions, Refusal> {
    let mut options = HeatmapOptions::default();
    let mut fields = options.fields();
    fields.retain(|field| field.name != "resolution");
    for (name, value) in document {
        let text = match value {
            Json::String(text) => text.clone(),
            Json::Bool(_) | Json::Number(_) => value.to_string(),
            other => {
                return Err(Refusal::argument(format!("{name} is {other}; it must be a number, a word or a bool")));
            }
        };
        set(&mut options, &fields, name, &text)?;
    }
    options.check()?;
    Ok(options)
}

/// The options of overlays that an address names.
pub fn overlay_options(parameters: &[(String, String)]) -> Result<OverlayOptions, Refusal> {
    let mut options = OverlayOptions::default();
    let fields = options.fields();
    parameters.iter().try_for_each(|(name, text)| set(&mut options, &fields, name, text))?;
    Ok(options)
}

/// Equal for options that mean the same.
pub fn key(options: &HeatmapOptions) -> String {
    let values = options.fields().into_iter().map(|field| format!("{:?}", field.default));
    values.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_its_question() {
        for method in methods() {
            let question = method["question"].as_str().unwrap();
            assert!(question.ends_with('?') && question.len() < 120, "{method}");
        }
        assert_eq!(methods()[2]["word"], "grad-cam++");
    }

    #[test]
    fn options_are_described_and_read() {
        let described = options();
        let names: Vec<&str> = described.iter().filter_map(|option| option["name"].as_str()).collect();
        assert!(names.starts_with(&["tile_size", "stride", "edge"]) && !names.contains(&"method"), "{names:?}");
        assert_eq!(described[0]["default"], 64);
        assert_eq!(described[1]["unset"], "three quarters of tile_size");
        let read = |text: &str| heatmap_options(&serde_json::from_str(text).unwrap());
        let options = read(r#"{"method": "cam", "stride": 16, "scale": 0.5}"#).unwrap();
        assert_eq!((options.method, options.stride, options.scale), (Method::Cam, 16, 0.5));
        assert_eq!(key(&read("{}").unwrap()), key(&read(r#"{"tile_size": 64, "method": "tiles"}"#).unwrap()));
        for (text, says) in [
            (r#"{"metod": "cam"}"#, "no option 'metod'"),
            (r#"{"method": "x"}"#, "method 'x': it must be tiles, cam, grad-cam++ or occlusion"),
            (r#"{"stride": 65}"#, "stride 65 is more than tile_size 64"),
            (r#"{"tile_size": 1}"#, "tile_size '1': it must be a whole number, 32 to 4096"),
            (r#"{"resolution": "tiles"}"#, "no option 'resolution'"),
            (r#"{"stride": null}"#, "stride is null"),
        ] {
            let refusal = read(text).unwrap_err().to_string();
            assert!(refusal.contains(says), "{refusal}");
        }
    }

    #[test]
    fn colormaps_have_256_colours() {
        for colormap in colormaps() {
            assert_eq!(colormap["colours"].as_str().unwrap().len(), 256 * 6);
        }
        assert!(colormaps()[0]["colours"].as_str().unwrap().starts_with("000003"));
    }
}
