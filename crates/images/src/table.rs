//! Tables as spreadsheets write them.

use lens_base::{Error, MOST_WHOLE_BYTES, Result, open_regular};
use std::io::{Cursor, Read};
use std::path::Path;

/// What may separate a table's columns; of two that are as frequent, the one before.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];
/// Bytes in which UTF-16 without a byte order mark is looked for.
const START_BYTES: usize = 256;

/// Opens a table of UTF-8 text with a line of names, with or without a byte order mark. Its columns are separated by
/// commas, semicolons or tabs, whichever the line of names has most of; blanks around values are dropped.
///
/// Text that is coded otherwise is a format error, which names the coding.
pub fn open_table(path: &Path) -> Result<csv::Reader<Cursor<Vec<u8>>>> {
    let mut bytes = Vec::new();
    open_regular(path, MOST_WHOLE_BYTES)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|error| Error::io("read", path, &error))?;
    let text = utf8(&bytes).map_err(|reason| Error::format(format!("{}: {reason}", path.display())))?;
    let separator = separator(text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default());
    let skipped = bytes.len() - text.len();
    // The reader counts a line that ends with both characters to the row after it.
    let mut before = 0;
    bytes.retain(|byte| std::mem::replace(&mut before, *byte) != b'\r' || *byte != b'\n');
    bytes.iter_mut().filter(|byte| **byte == b'\r').for_each(|byte| *byte = b'\n');
    let mut content = Cursor::new(bytes);
    content.set_position(skipped as u64);
    Ok(csv::ReaderBuilder::new().delimiter(separator).trim(csv::Trim::All).from_reader(content))
}

/// The text without its byte order mark.
fn utf8(bytes: &[u8]) -> std::result::Result<&str, String> {
    let start = &bytes[..bytes.len().min(START_BYTES)];
    let zeros = |first: usize| start.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    if matches!(start, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) || zeros(0).max(zeros(1)) * 4 > start.len() {
        return Err("it is UTF-16; save it as UTF-8".into());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            let byte = bytes[error.valid_up_to()];
            Err(format!("line {line} is not UTF-8 (it has the byte {byte:#04x}, as in Latin-1); save it as UTF-8"))
        }
    }
}

/// The most frequent separator that is not between quotes.
fn separator(names: &str) -> u8 {
    let outside: Vec<u8> = names.split('"').step_by(2).flat_map(str::bytes).collect();
    let count = |separator: u8| outside.iter().filter(|byte| **byte == separator).count();
    SEPARATORS.into_iter().rev().max_by_key(|separator| count(*separator)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_base::ErrorKind;

    fn read(bytes: &[u8]) -> Result<Vec<Vec<String>>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.csv");
        std::fs::write(&path, bytes).unwrap();
        let mut table = open_table(&path)?;
        let rows = std::iter::once(table.headers().unwrap().clone()).chain(table.records().map(|row| row.unwrap()));
        Ok(rows.collect::<Vec<_>>().iter().map(|row| row.iter().map(str::to_string).collect()).collect())
    }

    #[test]
    fn separators() {
        for text in [
            "name,label\na b,1\n",
            "name;label\r\na b;1\r\n",
            "\u{feff}name\tlabel\na b\t1\n",
            "\n\"name\";\"label\"\n\"a b\"; 1\n",
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), [["name", "label"], ["a b", "1"]], "{text:?}");
        }
        assert_eq!(read(b"\"a;b;c\",label\nx;y,1\n").unwrap(), [["a;b;c", "label"], ["x;y", "1"]]);
        assert_eq!(read(b"name\na;b\n").unwrap(), [["name"], ["a;b"]]);
    }

    #[test]
    fn lines_of_rows() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.csv");
        for end in ["\n", "\r\n", "\r"] {
            std::fs::write(&path, ["\u{feff}a;b", "1;2", "3;4"].join(end)).unwrap();
            let rows: Vec<csv::StringRecord> = open_table(&path).unwrap().records().map(|row| row.unwrap()).collect();
            assert_eq!(rows, [vec!["1", "2"], vec!["3", "4"]]);
            assert_eq!(rows.iter().map(|row| row.position().unwrap().line()).collect::<Vec<_>>(), [2, 3], "{end:?}");
        }
    }

    #[test]
    fn other_codings_are_named() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let big: Vec<u8> = "\u{feff}name,label\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (bytes, says) in [
            (utf16("\u{feff}name,label\na,1\n"), "is UTF-16; save it as UTF-8"),
            (utf16("name,label\na,1\n"), "is UTF-16; save it as UTF-8"),
            (big, "is UTF-16; save it as UTF-8"),
            (
                b"name,label\na,1\nM\xfcller.png,0\n".to_vec(),
                "line 3 is not UTF-8 (it has the byte 0xfc, as in Latin-1)",
            ),
        ] {
            let error = read(&bytes).unwrap_err();
            assert!(error.kind() == ErrorKind::Format && error.message().contains(says), "{error}");
        }
        assert_eq!(read("name,label\nMüller.png,0\n".as_bytes()).unwrap()[1][0], "Müller.png");
    }
}
