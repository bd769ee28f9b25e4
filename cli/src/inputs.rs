//! What FILE operands stand for: files, directories, patterns, and names from standard input.

use crate::console;
use crate::interrupt;
use crate::program::{Failure, reason};
use crate::series;
use lens_base::open_regular;
use lens_images::find_files;
use std::ffi::OsString;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// What the help says of them.
pub const HELP: &str = "Image files, directories (searched with what is below them, but for hidden names), quoted patterns \
                        such as 'a/**/*.dcm', or - for names from standard input, one a line";

/// The operand of names from standard input.
const STANDARD_INPUT: &str = "-";

/// Bytes of the longest name, more than systems allow.
const LONGEST_NAME: usize = 1 << 16;

/// Names that are read ahead.
const AHEAD: usize = 1024;

/// How long Ctrl-C may have to wait.
const PATIENCE: Duration = Duration::from_millis(50);

/// How many of the files that were passed over in a directory are named.
const NAMED: usize = 5;

/// The files, in the order given, those of a directory by name. Each can be opened: a typing error must not show only
/// after a thousand others. With `as_series`, directories become the series in them.
pub fn files(operands: &[PathBuf], as_series: bool) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for operand in operands {
        if operand.as_os_str() == STANDARD_INPUT {
            add_from_standard_input(as_series, &mut found)?;
        } else if is_pattern(operand) {
            for path in matches(operand)? {
                add(&path, as_series, &mut found)?;
            }
        } else {
            add(operand, as_series, &mut found)?;
        }
    }
    if found.is_empty() {
        return Err(Failure::Failed("there are no names on standard input".into()));
    }
    Ok(found)
}

/// A file, or the images or the series of a directory.
fn add(path: &Path, as_series: bool, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if path.is_dir() {
        found.extend(if as_series { series::below(path)? } else { images(path)? });
        return Ok(());
    }
    match open_regular(path, u64::MAX) {
        Ok(_) => found.push(path.to_path_buf()),
        Err(error) => return Err(cannot_read(path, &error)),
    }
    Ok(())
}

fn cannot_read(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot read '{}': {}", path.display(), reason(error)))
}

/// Reads on another thread: a signal does not end waiting for a pipe or a terminal.
fn add_from_standard_input(as_series: bool, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Failed(format!("cannot read standard input: {}", reason(&error)));
    let (sender, receiver) = sync_channel(AHEAD);
    let read = move || names(std::io::stdin().lock()).try_for_each(|name| sender.send(name)).unwrap_or_default();
    thread::Builder::new().spawn(read).map_err(failed)?;
    loop {
        interrupt::check()?;
        match receiver.recv_timeout(PATIENCE) {
            Ok(name) => add(Path::new(&name.map_err(failed)?), as_series, found)?,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

/// The names, one a line; none after an error.
fn names(mut lines: impl BufRead) -> impl Iterator<Item = std::io::Result<OsString>> {
    let mut next = move || loop {
        let mut line = Vec::new();
        (&mut lines).take(LONGEST_NAME as u64 + 1).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        let name = line.strip_suffix(b"\n").unwrap_or(&line);
        let name = name.strip_suffix(b"\r").unwrap_or(name);
        if name.len() > LONGEST_NAME {
            return Err(std::io::Error::other(format!(
                "a line has more than {LONGEST_NAME} bytes; each must be a file's name"
            )));
        }
        if !name.is_empty() {
            return Ok(Some(lens_system::name_of_bytes(name.to_vec())));
        }
    };
    let mut failed = false;
    std::iter::from_fn(move || {
        let name = if failed { None } else { next().transpose() };
        failed = matches!(name, Some(Err(_)));
        name
    })
}

/// Files may have such characters in their names.
fn is_pattern(operand: &Path) -> bool {
    operand.to_str().is_some_and(|text| text.contains(['*', '?', '['])) && operand.symlink_metadata().is_err()
}

fn matches(pattern: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |reason: String| Failure::Failed(format!("the pattern '{}': {reason}", pattern.display()));
    let text = pattern.to_str().unwrap_or_default();
    let paths = glob::glob(text).map_err(|error| failed(error.to_string()))?;
    let paths = paths.collect::<Result<Vec<PathBuf>, _>>().map_err(|error| failed(error.to_string()))?;
    if paths.is_empty() {
        return Err(failed("no file has such a name".into()));
    }
    Ok(paths)
}

/// The images below a directory; what is passed over is told.
fn images(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    let found = find_files(directory).map_err(|error| Failure::Failed(error.message().to_string()))?;
    let unreadable: Vec<PathBuf> = found.unreadable.iter().map(|skipped| PathBuf::from(&skipped.path)).collect();
    let told = [
        passed_over(directory, &found.others, ["file that is no image", "files that are no images"]),
        passed_over(directory, &unreadable, ["file that cannot be read", "files that cannot be read"]),
    ];
    let told = told.into_iter().flatten().collect::<Vec<String>>().join(", ");
    if found.images.is_empty() {
        let reason = if told.is_empty() { "it is empty".into() } else { format!("{told} left out") };
        return Err(Failure::Failed(format!("there are no images in '{}': {reason}", directory.display())));
    }
    if !told.is_empty() {
        console::message(&format!("{}: {told} left out", directory.display()));
    }
    Ok(found.images)
}

/// "3 files that are no images (a.txt, b/c.txt and 1 more)"; `None`: there are none.
fn passed_over(directory: &Path, others: &[PathBuf], [one, many]: [&str; 2]) -> Option<String> {
    let name = |path: &PathBuf| path.strip_prefix(directory).unwrap_or(path).display().to_string();
    let named: Vec<String> = others.iter().take(NAMED).map(name).collect();
    let more = match others.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match others.len() {
        0 => None,
        1 => Some(format!("1 {one} ({})", named.join(", "))),
        count => Some(format!("{count} {many} ({}{more})", named.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(names: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for name in names {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        root
    }

    #[test]
    fn directories_and_patterns_become_files_in_order() {
        let root = tree(&["b/2.png", "b/1.PNG", "a.dcm", "b/notes.txt", ".cache/x.png", "b/c/3.tif", "[1].png"]);
        std::fs::write(root.path().join("b/c/4.IMA"), format!("{}DICM", "\0".repeat(128))).unwrap();
        let at = |name: &str| root.path().join(name);
        let found = files(&[at("b"), at("*.dcm"), at("[1].png"), root.path().to_path_buf()], false).unwrap();
        let names: Vec<_> =
            found.iter().map(|path| path.strip_prefix(root.path()).unwrap().to_str().unwrap()).collect();
        let expected = [
            "b/1.PNG",
            "b/2.png",
            "b/c/3.tif",
            "b/c/4.IMA",
            "a.dcm",
            "[1].png",
            "[1].png",
            "a.dcm",
            "b/1.PNG",
            "b/2.png",
            "b/c/3.tif",
            "b/c/4.IMA",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let root = tree(&["empty/notes.txt", "none/.hidden.png"]);
        for (name, says) in [
            ("x.png", "x.png': No such file"),
            ("*.png", "*.png': no file has such a name"),
            ("empty", "1 file that is no image (notes.txt)"),
            ("none", "it is empty"),
            ("[.png", "'"),
        ] {
            let Err(Failure::Failed(message)) = files(&[root.path().join(name)], false) else {
                panic!("{name} is taken")
            };
            assert!(message.contains(says), "{message}");
        }
    }

    #[test]
    fn names_come_one_a_line() {
        let read: Vec<OsString> = names(&b"a b.png\r\n\nc.png\nd.png"[..]).map(Result::unwrap).collect();
        assert_eq!(read, ["a b.png", "c.png", "d.png"]);
    }

    #[test]
    fn a_line_without_end_is_no_name() {
        let mut read = names(std::io::BufReader::new(std::io::repeat(b'a')));
        assert!(read.next().unwrap().unwrap_err().to_string().contains("more than 65536 bytes"));
        assert!(read.next().is_none());
        assert_eq!(names(&[vec![b'a'; LONGEST_NAME], vec![b'\n']].concat()[..]).filter(Result::is_ok).count(), 1);
    }

    #[test]
    fn what_is_passed_over_is_counted_and_named() {
        let others: Vec<PathBuf> = (0..7).map(|index| format!("d/{index}.txt").into()).collect();
        let told = passed_over(Path::new("d"), &others, ["file that is no image", "files that are no images"]).unwrap();
        assert_eq!(told, "7 files that are no images (0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 2 more)");
    }
}
