//! Marker segments of JPEG and JPEG-LS.

/// Start of image.
pub const SOI: u8 = 0xd8;
/// End of image.
pub const EOI: u8 = 0xd9;
/// Start of scan.
pub const SOS: u8 = 0xda;

/// A marker with its segment.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    pub marker: u8,
    /// Without marker and length.
    pub content: &'a [u8],
    /// The bytes of all of it.
    pub whole: &'a [u8],
}

/// The segments after the start of image, up to and with the first start of scan. Bytes between segments are passed over, as
/// libjpeg does.
pub struct Segments<'a> {
    pub rest: &'a [u8],
    is_over: bool,
}

impl<'a> Segments<'a> {
    /// `None`: no image starts here.
    pub fn of(coded: &'a [u8]) -> Option<Self> {
        Some(Segments { rest: coded.strip_prefix(&[0xff, SOI])?, is_over: false })
    }
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        while !self.is_over {
            let start = self.rest.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff))?;
            let from = &self.rest[start..];
            match from[1] {
                EOI => return None,
                // Markers that stand alone.
                0x01 | 0xd0..=SOI => self.rest = &from[2..],
                marker => {
                    let length = usize::from(u16::from_be_bytes(*from.get(2..)?.first_chunk()?));
                    let content = from.get(4..2 + length)?;
                    self.rest = &from[2 + length..];
                    self.is_over = marker == SOS;
                    return Some(Segment { marker, content, whole: &from[..2 + length] });
                }
            }
        }
        None
    }
}

/// Whether entropy-coded data of JPEG are followed by a marker that is none of those within.
pub fn ends_with_marker(data: &[u8]) -> bool {
    data.windows(2).any(|pair| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_among_fill_and_other_bytes() {
        let coded = [
            &[0xff, 0xd8, 0xff, 0xff, 0xe0, 0, 3, 7][..],
            &[1, 2, 0xff, 0, 0xff, 0xd3, 0xff, 0xc0, 0, 2],
            &[0xff, 0xda, 0, 4, 8, 9, 0xff, 0xc4, 0, 2],
        ]
        .concat();
        let mut segments = Segments::of(&coded).unwrap();
        let found: Vec<(u8, &[u8])> = segments.by_ref().map(|segment| (segment.marker, segment.content)).collect();
        assert_eq!(found, [(0xe0, &[7][..]), (0xc0, &[]), (0xda, &[8, 9])]);
        assert_eq!(segments.rest, [0xff, 0xc4, 0, 2]);
        assert!(Segments::of(&coded[1..]).is_none());
        for end in 2..coded.len() {
            Segments::of(&coded[..end]).unwrap().for_each(drop);
        }
    }
}
