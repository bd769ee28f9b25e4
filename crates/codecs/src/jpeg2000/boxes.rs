//! Files of JPEG 2000, which are boxes around a code stream (T.800, annex I).

use super::header::START;
use super::{broken, unsupported};
use lens_base::Result;

/// What matters of a file.
pub struct Boxes<'a> {
    pub code_stream: &'a [u8],
    /// The channel definitions (I.5.3.6), where there are some.
    definitions: Option<&'a [u8]>,
    has_palette: bool,
}

/// The first box, and what follows it.
fn first(boxes: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let length = u32::from_be_bytes(*boxes.first_chunk()?) as usize;
    let kind: [u8; 4] = *boxes.get(4..)?.first_chunk()?;
    let (begin, end) = match length {
        // The last box has what is left.
        0 => (8, boxes.len()),
        1 => (16, usize::try_from(u64::from_be_bytes(*boxes.get(8..)?.first_chunk()?)).ok()?),
        _ => (8, length),
    };
    Some((kind, boxes.get(begin..end.min(boxes.len()))?, boxes.get(end.max(begin)..).unwrap_or_default()))
}

impl<'a> Boxes<'a> {
    /// Of a file, or of a code stream alone; `None`: it is neither.
    pub fn read(coded: &'a [u8]) -> Option<Self> {
        const SIGNATURE: [u8; 12] = *b"\0\0\0\x0cjP  \r\n\x87\n";
        let mut found = Boxes { code_stream: coded, definitions: None, has_palette: false };
        if coded.starts_with(&START) {
            return Some(found);
        }
        let mut boxes = coded.strip_prefix(&SIGNATURE)?;
        loop {
            let (kind, content, following) = first(boxes)?;
            match &kind {
                b"jp2h" => found.read_header(content),
                b"jp2c" => {
                    found.code_stream = content;
                    return content.starts_with(&START).then_some(found);
                }
                _ => {}
            }
            boxes = following;
        }
    }

    fn read_header(&mut self, mut boxes: &'a [u8]) {
        while let Some((kind, content, following)) = first(boxes) {
            match &kind {
                b"cdef" => self.definitions = Some(content),
                b"pclr" => self.has_palette = true,
                _ => {}
            }
            boxes = following;
        }
    }

    /// The components of the code stream in the order of their colours.
    pub fn order(&self, components: usize) -> Result<Vec<usize>> {
        if self.has_palette {
            return Err(unsupported("that are indices of a palette"));
        }
        let mut order: Vec<usize> = (0..components).collect();
        let Some(definitions) = self.definitions else { return Ok(order) };
        for definition in definitions.get(2..).unwrap_or_default().as_chunks::<6>().0 {
            let [channel, kind, colour] =
                [0, 2, 4].map(|at| usize::from(u16::from_be_bytes([definition[at], definition[at + 1]])));
            // Those of other kinds are opacities; a colour of 0 is all of them.
            if let (0, 1..) = (kind, colour)
                && colour <= components
            {
                order[colour - 1] = channel;
            }
        }
        match (0..components).all(|component| order.contains(&component)) {
            true => Ok(order),
            false => Err(broken(&format!("its channel definitions are {definitions:?} for {components} components"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lens_base::ErrorKind;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
    }

    fn file(header: &[u8], end: &[u8]) -> Vec<u8> {
        let stream = boxed(b"jp2c", &[&START[..], b"rest"].concat());
        [&b"\0\0\0\x0cjP  \r\n\x87\n"[..], &boxed(b"xml ", &START), &boxed(b"jp2h", header), &stream, end].concat()
    }

    #[test]
    fn the_code_stream_of_a_file() {
        let whole = file(&[], b"more");
        assert_eq!(Boxes::read(&whole).unwrap().code_stream, [&START[..], b"rest"].concat());
        for end in 0..whole.len() - 8 {
            assert!(Boxes::read(&whole[..end]).is_none_or(|boxes| boxes.code_stream.len() < 8), "{end}");
        }
        let open = [&whole[..12], &[0; 4], b"jp2c", &START].concat();
        assert_eq!(Boxes::read(&open).unwrap().code_stream, START);
        assert_eq!(Boxes::read(&START).unwrap().order(3).unwrap(), [0, 1, 2]);
    }

    #[test]
    fn colours_in_another_order() {
        let defined = |entries: &[[u16; 3]]| {
            let entries = entries.iter().flatten().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
            let definitions = boxed(b"cdef", &[&[0, 3][..], &entries].concat());
            Boxes::read(&file(&definitions, &[])).unwrap().order(3)
        };
        assert_eq!(defined(&[[0, 0, 2], [1, 0, 3], [2, 0, 1]]).unwrap(), [2, 0, 1]);
        assert_eq!(defined(&[[0, 0, 1], [1, 0, 2], [2, 1, 0]]).unwrap(), [0, 1, 2]);
        for wrong in [[[0, 0, 2], [1, 0, 3], [1, 0, 1]], [[0, 0, 1], [1, 0, 2], [9, 0, 3]]] {
            assert_eq!(defined(&wrong).unwrap_err().kind(), ErrorKind::Format);
        }
        let palette = file(&boxed(b"pclr", &[0; 8]), &[]);
        assert_eq!(Boxes::read(&palette).unwrap().order(1).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
