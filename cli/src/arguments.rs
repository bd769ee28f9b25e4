//! Between options as the library describes them and the command line: flags, their help, and their values.

use crate::program::Failure;
use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use lens_base::options::{Field, Kind, Options, Value};
use lens_base::{Error, Result};
use lens_runtime::ContextOptions;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// The options of the command that runs, which messages of the library name.
static OF_COMMAND: Mutex<Vec<Field>> = Mutex::new(Vec::new());

/// A flag, as a description spells it: "--name VALUE", "--name", "--no-name" or "--name = VALUE"; "--name|--other" has a
/// second name.
struct Flag {
    /// Without the dashes.
    name: &'static str,
    others: Vec<&'static str>,
    takes: Takes,
}

enum Takes {
    /// A value that the help calls so.
    Value(String),
    /// None; it stands for this one.
    Nothing(Value),
}

impl Flag {
    fn of(field: &Field) -> Option<Self> {
        let (names, value) = field.flag.map(|text| text.split_once(' ').unwrap_or((text, "")))?;
        let mut names = names.split('|').map(|name| name.trim_start_matches('-'));
        let name = names.next()?;
        let takes = match (value.strip_prefix("= "), field.kind) {
            (Some(word), _) => Takes::Nothing(field.parse(name, word).expect("the description's own value")),
            (None, Kind::Bool) => Takes::Nothing(Value::Bool(!name.starts_with("no-"))),
            (None, Kind::Automatic) => Takes::Value("auto|on|off".into()),
            (None, Kind::Choice(choice)) => {
                let words: Vec<&str> = choice.alternatives.iter().map(|alternative| alternative.word).collect();
                Takes::Value(words.join("|"))
            }
            (None, _) => Takes::Value(if value.is_empty() { "VALUE" } else { value }.to_string()),
        };
        Some(Flag { name, others: names.collect(), takes })
    }
}

/// Reads a field's values.
#[derive(Clone)]
struct FieldParser(Field);

impl TypedValueParser for FieldParser {
    type Value = Value;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> std::result::Result<Value, clap::Error> {
        let name = argument.and_then(Arg::get_long).map_or_else(|| self.0.name.to_string(), |long| format!("--{long}"));
        let parsed = match value.to_str() {
            Some("") => Err(Error::argument(format!("{name} has an empty value"))),
            Some(text) => self.0.parse(&name, text),
            None => Err(Error::argument(format!("{name} '{}' is not UTF-8", value.display()))),
        };
        parsed.map_err(|error| {
            let mut refused = clap::Error::new(ErrorKind::ValueValidation).with_cmd(command);
            refused.insert(ContextKind::Custom, ContextValue::String(error.message().to_string()));
            refused
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        match self.0.kind {
            Kind::Choice(choice) => {
                let alternatives = choice.alternatives.iter();
                Some(Box::new(alternatives.map(|one| PossibleValue::new(one.word).help(sentence(one.documentation)))))
            }
            Kind::Automatic => Some(Box::new(["auto", "on", "off"].into_iter().map(PossibleValue::new))),
            _ => None,
        }
    }
}

/// The first sentence of documentation, without the full stop at its end.
fn sentence(documentation: &str) -> String {
    let text = flowing(documentation);
    text.split(". ").next().unwrap_or_default().trim_end_matches('.').to_string()
}

/// With line breaks between paragraphs only.
fn flowing(documentation: &str) -> String {
    documentation.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect::<Vec<_>>().join("\n\n")
}

/// Whether an ordinary word between two others is the name of an option: "stride 65", "epochs is 3", "set resume".
fn reads_as_name(before: &str, after: &str) -> bool {
    let is_thing = ["a", "an", "the", "its", "this"].contains(&before);
    after.starts_with(|letter: char| letter.is_ascii_digit())
        || before == "set"
        || (["is", "was"].contains(&after) && !is_thing)
}

/// What the command line says instead of a word between two others: the flag of the option that it names, or flag and value
/// where it is a constant of C.
fn said(word: &str, before: &str, after: &str, fields: &[Field]) -> Option<String> {
    fields.iter().find_map(|field| {
        let flag = Flag::of(field)?;
        if field.name == word && (word.contains('_') || reads_as_name(before, after)) {
            return Some(format!("--{}", flag.name));
        }
        let (Kind::Choice(choice), Takes::Value(_)) = (field.kind, flag.takes) else { return None };
        let chosen = choice.alternatives.iter().find(|alternative| choice.constant(alternative) == word)?;
        Some(format!("--{} {}", flag.name, chosen.word))
    })
}

/// Replaces the names of options by their flags.
fn in_flags(text: &str, fields: &[Field]) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let word = |(index, word): (usize, &&str)| {
        let begin = word.len() - word.trim_start_matches('(').len();
        let end = begin + word[begin..].find([',', ';', ':', '.', ')']).unwrap_or(word.len() - begin);
        let before = index.checked_sub(1).map_or("", |before| words[before]);
        let after = words.get(index + 1).copied().unwrap_or_default();
        said(&word[begin..end], before, after, fields)
            .map_or_else(|| word.to_string(), |said| format!("{}{said}{}", &word[..begin], &word[end..]))
    };
    words.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
}

/// A message of the library in the words of the command line: with the flags of the command that runs.
pub fn in_own_words(message: &str) -> String {
    in_flags(message, &OF_COMMAND.lock().unwrap_or_else(PoisonError::into_inner))
}

/// How a value of a field is written.
fn word_of(field: &Field, value: &Value) -> Option<String> {
    match (value, field.kind) {
        (Value::Bool(yes), _) => Some(if *yes { "yes" } else { "no" }.into()),
        (Value::Integer(number), _) => Some(number.to_string()),
        (Value::Float(number), _) => Some(field.number(*number)),
        (Value::Rgb(numbers), _) => Some(numbers.map(|number| number.to_string()).join(",")),
        (Value::Text(text), _) => text.clone(),
        (Value::Choice(number), Kind::Choice(choice)) => choice.alternative(*number).map(|one| one.word.to_string()),
        _ => None,
    }
}

/// The range and the default.
fn limits(field: &Field) -> String {
    let mut limits = Vec::new();
    if field.range.is_bounded() {
        limits.push(field.range.to_string());
    }
    let unset = field.is_unset(&field.default);
    if let Some(meaning) = field.unset.filter(|_| !unset) {
        limits.push(format!("{}: {meaning}", field.none));
    }
    let default = match field.unset {
        Some(meaning) if unset => Some(meaning.to_string()),
        _ => word_of(field, &field.default),
    };
    limits.extend(default.map(|default| format!("default: {default}")));
    if limits.is_empty() { String::new() } else { format!(" ({})", limits.join("; ")) }
}

/// What follows the first sentence of documentation.
fn further_sentences(documentation: &str) -> String {
    flowing(documentation).split_once(". ").map_or_else(String::new, |(_, rest)| format!(" {rest}"))
}

/// `fields`: those that its documentation may name.
fn argument(field: Field, limits: &str, fields: &[Field]) -> Option<Arg> {
    let Flag { name, others, takes } = Flag::of(&field)?;
    let argument = Arg::new(name).long(name).visible_aliases(others);
    let documentation = field.documentation;
    let texts = match field.switch {
        Some(does) => [does.to_string(), format!("{does}.{}", further_sentences(documentation))],
        None => [sentence(documentation), flowing(documentation)].map(|text| text + limits),
    };
    let [short, whole] = texts.map(|text| in_flags(&text, fields));
    let argument = argument.help(short).long_help(whole);
    Some(match takes {
        Takes::Nothing(_) => switch_of(argument),
        Takes::Value(value_name) => argument
            .value_name(value_name)
            .allow_hyphen_values(true)
            .hide_possible_values(true)
            .value_parser(FieldParser(field)),
    })
}

fn switch_of(argument: Arg) -> Arg {
    let id = argument.get_id().clone();
    argument.action(ArgAction::SetTrue).overrides_with(id)
}

/// Adds the flags of a struct of options, but for those of some fields.
pub fn add<T: Options>(command: Command, options: &T, without: &[&str]) -> Command {
    add_with(command, options.fields().into_iter().filter(|field| !without.contains(&field.name)), limits)
}

/// Adds the flags of options that a model has; given ones take the place of the model's.
pub fn add_of_model<T: Options>(command: Command, options: &T) -> Command {
    add_with(command, options.fields().into_iter(), |_| " (default: the model's)".into())
}

fn add_with(command: Command, fields: impl Iterator<Item = Field>, limits: impl Fn(&Field) -> String) -> Command {
    let fields: Vec<Field> = fields.collect();
    // Most commands have the options of a context besides.
    let named: Vec<Field> = fields.iter().cloned().chain(ContextOptions::default().fields()).collect();
    command.args(fields.iter().filter_map(|field| argument(field.clone(), &limits(field), &named)))
}

/// Sets the options that were given.
pub fn read<T: Options>(matches: &ArgMatches, options: &mut T) -> std::result::Result<(), Failure> {
    let fields = options.fields();
    OF_COMMAND.lock().unwrap_or_else(PoisonError::into_inner).extend(fields.iter().cloned());
    for field in fields {
        let Some(flag) = Flag::of(&field) else { continue };
        let value = match flag.takes {
            Takes::Nothing(value) => is_given(matches, flag.name).then_some(value),
            Takes::Value(_) => matches.try_get_one::<Value>(flag.name).ok().flatten().cloned(),
        };
        if let Some(value) = value {
            let set = options.set(field.name, value);
            set.map_err(|error| Failure::usage(format!("--{}: {}", flag.name, error.message())))?;
        }
    }
    Ok(())
}

/// Refuses options that do not go together, in the words of the command line.
pub fn check<T: Options>(options: &T, check: impl FnOnce(&T) -> Result<()>) -> std::result::Result<(), Failure> {
    check(options).map_err(|error| Failure::usage(in_flags(error.message(), &options.fields())))
}

/// The value of an option from text that came from elsewhere, from `source`.
pub fn parse<T: Options>(options: &mut T, name: &str, source: &str, text: &str) -> Result<()> {
    let fields = options.fields();
    let field = fields.iter().find(|field| field.name == name).ok_or_else(|| lens_base::options::unknown(name))?;
    options.set(name, field.parse(source, text)?)
}

/// A command's own option that takes no value.
pub fn switch(name: &'static str, help: &'static str) -> Arg {
    switch_of(Arg::new(name).long(name).help(help))
}

/// Whether it was given.
pub fn is_given(matches: &ArgMatches, name: &str) -> bool {
    matches.try_get_one::<bool>(name).ok().flatten().copied().unwrap_or(false)
}

/// A command's own option with a path.
pub fn path(name: &'static str, value_name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(value_name)
        .help(help)
        .allow_hyphen_values(true)
        .value_parser(value_parser!(PathBuf))
}

/// A path that is required.
pub fn given_path(matches: &ArgMatches, name: &str) -> PathBuf {
    optional_path(matches, name).unwrap_or_default()
}

/// A path that may be there.
pub fn optional_path(matches: &ArgMatches, name: &str) -> Option<PathBuf> {
    matches.get_one::<PathBuf>(name).cloned()
}

/// The option with the model's file.
pub fn model() -> Arg {
    path("model", "MODEL", "The model's file").required(true)
}

/// The operands.
pub fn file_operands() -> Arg {
    Arg::new("FILE")
        .value_name("FILE")
        .help(crate::inputs::HELP)
        .num_args(1..)
        .required(true)
        .action(ArgAction::Append)
        .value_parser(value_parser!(PathBuf))
}

/// What the operands stand for; of directories, the series where that is asked for.
pub fn files(matches: &ArgMatches) -> std::result::Result<Vec<PathBuf>, Failure> {
    let operands: Vec<PathBuf> = matches.get_many("FILE").into_iter().flatten().cloned().collect();
    crate::inputs::files(&operands, is_given(matches, crate::series::SWITCH))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_base::options::Choice;

    #[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
    enum Place {
        /// At home.
        #[default]
        Home,
        /// Far away.
        FarAway,
    }

    /// Of the tests.
    #[derive(Clone, Debug, PartialEq, Options)]
    struct Sample {
        /// Passes over samples. At most as many as tile_size.
        #[option(default = 20, minimum = 1, maximum = 100, flag = "--epochs N")]
        epochs: u32,
        /// Width of a tile.
        #[option(default = 64, flag = "--tile|--width PX")]
        tile_size: u32,
        /// Whether to go on.
        #[option(flag = "--resume", switch = "Go on where --tile ended")]
        resume: bool,
        /// Whether to save. Saving takes time.
        #[option(default = true, flag = "--no-save", switch = "Save nothing")]
        save: bool,
        /// Where to go.
        #[option(flag = "--place")]
        place: Place,
        /// Where to stay.
        #[option(flag = "--away = far-away", switch = "Stay away")]
        stay: Place,
        /// TF32.
        #[option(unset = "as suits", flag = "--tf32")]
        tf32: Option<bool>,
        /// Not on the command line.
        #[option]
        seed: u64,
    }

    fn command() -> Command {
        add(Command::new("test").no_binary_name(true), &Sample::default(), &[])
    }

    fn read_all(arguments: &[&str]) -> Sample {
        let mut options = Sample::default();
        read(&command().try_get_matches_from(arguments).unwrap(), &mut options).unwrap();
        options
    }

    #[test]
    fn flags_set_what_they_stand_for() {
        assert_eq!(read_all(&[]), Sample::default());
        let given =
            ["--epochs", "3", "--width=32", "--resume", "--no-save", "--place", "far-away", "--away", "--tf32", "on"];
        let expected = Sample {
            epochs: 3,
            tile_size: 32,
            resume: true,
            save: false,
            place: Place::FarAway,
            stay: Place::FarAway,
            tf32: Some(true),
            seed: 0,
        };
        assert_eq!(read_all(&given), expected);
        assert!(command().try_get_matches_from(["--seed", "1"]).is_err());
        let without = add(Command::new("test").no_binary_name(true), &Sample::default(), &["epochs"]);
        assert!(without.try_get_matches_from(["--epochs", "1"]).is_err());
    }

    #[test]
    fn the_help_has_ranges_defaults_and_flags() {
        let help = command().render_help().to_string();
        for text in [
            "Passes over samples (1 to 100; default: 20)",
            "--place <home|far-away>",
            "Save nothing",
            "Stay away",
            "TF32 (default: as suits)",
        ] {
            assert!(help.contains(text), "{text} is not in {help}");
        }
        let help = command().render_long_help().to_string();
        for text in ["At most as many as --tile. (1 to 100", "Save nothing. Saving takes time."] {
            assert!(help.contains(text), "{text} is not in {help}");
        }
    }

    #[test]
    fn refusals_name_flags() {
        let refuse = |_: &Sample| Err(Error::argument("epochs 3 is more than tile_size 2; fewer epochs are needed"));
        let Err(Failure::Usage { message, .. }) = check(&Sample::default(), refuse) else { panic!("it is taken") };
        assert_eq!(message, "--epochs 3 is more than --tile 2; fewer epochs are needed");
    }

    #[test]
    fn messages_of_the_library_name_flags() {
        let fields = Sample::default().fields();
        for (message, expected) in [
            ("tile_size is 3 (option tile_size)", "--tile is 3 (option --tile)"),
            ("epochs is 3, but 5 are done", "--epochs is 3, but 5 are done"),
            ("stopped: set resume to go on (tile_size)", "stopped: set --resume to go on (--tile)"),
            ("ask for LENS_PLACE_FAR_AWAY.", "ask for --place far-away."),
            ("the place is far; its epochs is a word", "the place is far; its epochs is a word"),
            ("cannot read /a/tile_size/b: no seed is set", "cannot read /a/tile_size/b: no seed is set"),
        ] {
            assert_eq!(in_flags(message, &fields), expected);
        }
    }
}
