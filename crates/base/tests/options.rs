//! Options described by their declarations: names, kinds, defaults, ranges, values from text.

use lens_base::options::{Choice, Field, Options, Value};
use std::path::PathBuf;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Choice)]
#[choice(name = "sample_method")]
enum Method {
    /// Tiles.
    Tiles,
    /// Grad-CAM++.
    #[choice(word = "grad-cam++")]
    GradCamPlusPlus,
}

#[derive(Clone, Debug, PartialEq, Options)]
struct Inner {
    /// Which method.
    #[option(default = Method::Tiles, flag = "--method")]
    method: Method,
    /// Subtracted.
    #[option(default = [0.5; 3], minimum = 0)]
    mean: [f32; 3],
}

/// Sample options.
#[derive(Clone, Debug, PartialEq, Options)]
struct Sample {
    /// Passes.
    #[option(default = 20, minimum = 1, maximum = 100_000, flag = "--epochs N")]
    epochs: u32,
    #[option(nested)]
    inner: Inner,
    /// The rate.
    #[option(default = 1e-4, above = 0, maximum = 1, flag = "--lr X")]
    learning_rate: f64,
    /// The longest gradient.
    #[option(above = 0, unset = "any length")]
    clip_norm: Option<f64>,
    /// The threshold.
    #[option(minimum = 0, maximum = 1, unset = "the model's own", none = -1)]
    threshold: Option<f32>,
    /// Whether to go on.
    #[option]
    resume: bool,
    /// TF32.
    #[option(unset = "as suits")]
    tf32: Option<bool>,
    /// Where to.
    #[option(unset = "nowhere")]
    directory: Option<PathBuf>,
    #[option(skip, default = 7)]
    handle: i32,
}

fn field(name: &str) -> Field {
    Sample::default().fields().into_iter().find(|field| field.name == name).unwrap()
}

#[test]
fn fields_in_order_with_defaults() {
    let options = Sample::default();
    let names: Vec<_> = options.fields().iter().map(|field| field.name).collect();
    assert_eq!(
        names,
        ["epochs", "method", "mean", "learning_rate", "clip_norm", "threshold", "resume", "tf32", "directory"]
    );
    assert_eq!(options.handle, 7);
    assert_eq!(field("clip_norm").default, Value::Float(0.0));
    assert_eq!(field("threshold").default, Value::Float(-1.0));
    assert_eq!(field("epochs").documentation, "Passes.");
    assert_eq!(Sample::DOCUMENTATION, "Sample options.");
}

#[test]
fn values_set_and_read_by_name() {
    let mut options = Sample::default();
    for (name, value) in [
        ("epochs", Value::Integer(3)),
        ("method", Value::Choice(1)),
        ("clip_norm", Value::Float(2.5)),
        ("threshold", Value::Float(0.25)),
        ("tf32", Value::Automatic(Some(true))),
        ("directory", Value::Text(Some("a".into()))),
    ] {
        options.set(name, value.clone()).unwrap();
        assert_eq!(options.get(name), Some(value));
    }
    assert_eq!((options.epochs, options.inner.method, options.threshold), (3, Method::GradCamPlusPlus, Some(0.25)));
    options.set("clip_norm", Value::Float(0.0)).unwrap();
    assert_eq!(options.clip_norm, None);
    assert!(options.set("nothing", Value::Bool(true)).is_err() && options.get("nothing").is_none());
    assert!(options.set("epochs", Value::Bool(true)).is_err());
    let error = options.set("method", Value::Choice(2)).unwrap_err();
    assert!(
        error.message().contains("method is 2") && error.message().contains("LENS_SAMPLE_METHOD_TILES (0)"),
        "{error}"
    );
    let error = options.set("epochs", Value::Integer(1 << 40)).unwrap_err();
    assert!(error.message().contains("4294967295"), "{error}");
}

#[test]
fn values_out_of_range() {
    for (name, value, says) in [
        ("epochs", Value::Integer(0), "epochs is 0; it must be 1 to 100000"),
        ("learning_rate", Value::Float(0.0), "learning_rate is 0; it must be above 0 and at most 1"),
        ("learning_rate", Value::Float(f64::NAN), "learning_rate is NaN"),
        ("clip_norm", Value::Float(-1.0), "clip_norm is -1; it must be above 0, or 0 (any length)"),
        ("clip_norm", Value::Float(f64::INFINITY), "clip_norm is inf"),
        ("threshold", Value::Float(1.5), "threshold is 1.5; it must be 0 to 1, or -1 (the model's own)"),
        ("mean", Value::Rgb([0.0, -1.0, 0.0]), "mean[1] is -1; it must be 0 or more"),
    ] {
        let mut options = Sample::default();
        options.set(name, value).unwrap();
        let error = options.check_ranges().unwrap_err();
        assert!(error.message().contains(says), "{error}");
    }
    Sample::default().check_ranges().unwrap();
}

#[test]
fn values_from_text() {
    for (name, text, value) in [
        ("epochs", "7", Value::Integer(7)),
        ("method", "grad-cam++", Value::Choice(1)),
        ("mean", "0.5", Value::Rgb([0.5; 3])),
        ("mean", "0.1,0.2, 0.3", Value::Rgb([0.1, 0.2, 0.3])),
        ("clip_norm", "0", Value::Float(0.0)),
        ("tf32", "auto", Value::Automatic(None)),
        ("resume", "on", Value::Bool(true)),
    ] {
        assert_eq!(field(name).parse("--x", text).unwrap(), value, "{name}");
    }
    for (name, text, says) in [
        ("epochs", "0", "--x '0': it must be a whole number, 1 to 100000"),
        ("epochs", "many", "--x 'many': it must be a whole number, 1 to 100000"),
        ("epochs", "1.5", "a whole number"),
        ("learning_rate", "nan", "above 0 and at most 1"),
        ("method", "cam", "--x 'cam': it must be tiles or grad-cam++"),
        ("mean", "1,2", "three for red, green and blue"),
        ("tf32", "maybe", "auto, on or off"),
    ] {
        let error = field(name).parse("--x", text).unwrap_err();
        assert!(error.message().contains(says), "{error}");
    }
}
