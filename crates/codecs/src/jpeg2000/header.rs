//! What a code stream of JPEG 2000 says before it is decoded (T.800, annex A).

use super::broken;
use crate::Size;
use lens_base::Result;

/// Start of the code stream, and the marker of image and tile sizes, which always comes next.
pub const START: [u8; 4] = [0xff, 0x4f, 0xff, 0x51];
const COD: u8 = 0x52;
const COC: u8 = 0x53;
const SOT: u8 = 0x90;
const SOD: u8 = 0x93;
const EOC: u8 = 0xd9;

/// How a component is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Component {
    /// Bits of a sample.
    pub precision: u32,
    pub signed: bool,
    /// Pixels of the image from one sample to the next, in a row and in a column.
    pub step: (u8, u8),
}

/// Sizes of image and tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub size: Size,
    /// At least one.
    pub components: Vec<Component>,
    /// Width and height.
    tile: (u32, u32),
    tiles: u64,
}

fn number<const BYTES: usize>(bytes: &[u8], offset: usize) -> Option<[u8; BYTES]> {
    bytes.get(offset..)?.first_chunk().copied()
}

fn short(bytes: &[u8], offset: usize) -> Option<u16> {
    number(bytes, offset).map(u16::from_be_bytes)
}

fn long(bytes: &[u8], offset: usize) -> Option<u32> {
    number(bytes, offset).map(u32::from_be_bytes)
}

impl Header {
    /// Of the SIZ marker segment (A.5.1).
    pub fn read(coded: &[u8]) -> Option<Self> {
        let segment = coded.get(4..4 + usize::from(short(coded, 4)?))?;
        let [width, height, left, top, tile_width, tile_height, tile_left, tile_top] =
            std::array::from_fn(|index| long(segment, 4 + 4 * index));
        let (width, height, tile) = (width?, height?, (tile_width?, tile_height?));
        let across = u64::from(width.checked_sub(tile_left?)?.checked_next_multiple_of(tile.0)? / tile.0);
        let down = u64::from(height.checked_sub(tile_top?)?.checked_next_multiple_of(tile.1)? / tile.1);
        let components = usize::from(short(segment, 36)?);
        let each = segment.get(38..38 + 3 * components)?.as_chunks::<3>().0.iter();
        let component = |&[depth, across, down]: &[u8; 3]| Component {
            precision: u32::from(depth & 0x7f) + 1,
            signed: depth & 0x80 != 0,
            step: (across, down),
        };
        Some(Header {
            size: Size {
                width: width.checked_sub(left?)?,
                height: height.checked_sub(top?)?,
                components: components as u32,
            },
            components: each.map(component).collect(),
            tile,
            tiles: across * down,
        })
        .filter(|header| !header.components.is_empty())
    }

    /// Refuses a code stream of which tiles are missing, and one with more tiles or packets than so few bytes can hold, for
    /// which the decoder would take memory before it looks for them.
    pub fn check_parts(&self, coded: &[u8]) -> Result<()> {
        /// Bytes of a tile-part's headers (A.4.2, A.4.3); a packet has one at least.
        const LEAST_BYTES_OF_TILE: u64 = 14;
        let bytes = coded.len() as u64;
        if self.tiles.saturating_mul(LEAST_BYTES_OF_TILE) > bytes {
            return Err(broken(&format!("{bytes} bytes cannot hold {} tiles", self.tiles)));
        }
        let mut seen = vec![false; self.tiles as usize];
        let (mut rest, mut layers) = (&coded[2..], 1);
        // The bytes of the tile-part from here on.
        let mut part: Option<&[u8]> = None;
        while let [0xff, marker, after @ ..] = rest {
            match *marker {
                EOC => break,
                SOD => {
                    // The last tile-part may have what is left.
                    let Some(tile_part) = part.take().filter(|part| part.len() <= rest.len()) else { break };
                    rest = tile_part;
                    continue;
                }
                _ => {}
            }
            let Some(segment) = short(after, 0).and_then(|length| after.get(..usize::from(length))) else { break };
            match *marker {
                SOT => {
                    let Some((tile, length)) = short(segment, 2).zip(long(segment, 4)) else { break };
                    *seen
                        .get_mut(usize::from(tile))
                        .ok_or_else(|| broken(&format!("it has tile {tile} of {}", self.tiles)))? = true;
                    // None: up to the end of the code stream.
                    part = if length == 0 { None } else { rest.get(length as usize..) };
                }
                COD => {
                    layers = short(segment, 4).unwrap_or(1);
                    let packets =
                        self.packets(layers, segment.get(7..), segment.get(2).is_some_and(|style| style & 1 != 0));
                    self.check_packets(packets, bytes)?;
                }
                COC => {
                    let index = if self.components.len() < 257 { 1 } else { 2 };
                    let style = segment.get(2 + index).is_some_and(|style| style & 1 != 0);
                    self.check_packets(self.packets(layers, segment.get(3 + index..), style), bytes)?;
                }
                _ => {}
            }
            rest = &after[segment.len()..];
            if segment.is_empty() {
                break;
            }
        }
        let there = seen.iter().filter(|seen| **seen).count();
        if there < seen.len() {
            return Err(broken(&format!("it has {there} of {} tiles", seen.len())));
        }
        Ok(())
    }

    fn check_packets(&self, packets: u64, bytes: u64) -> Result<()> {
        if packets > bytes {
            return Err(broken(&format!("{bytes} bytes cannot hold {packets} packets")));
        }
        Ok(())
    }

    /// How many packets a component of a whole tile has at least: one for each layer of each precinct. `parameters` are those
    /// of a coding style (A.6.1, table A.20), which end with sizes of precincts where `has_precincts`.
    fn packets(&self, layers: u16, parameters: Option<&[u8]>, has_precincts: bool) -> u64 {
        /// The exponents of precincts without sizes, which hold all.
        const ALL: u8 = 0xff;
        let [levels, _, _, _, _, precincts @ ..] = parameters.unwrap_or(&[]) else { return 0 };
        let (width, height) = (self.tile.0.min(self.size.width), self.tile.1.min(self.size.height));
        let of_resolution = |resolution: u8| {
            let exponents = match has_precincts {
                true => precincts.get(usize::from(resolution)).copied().unwrap_or(ALL),
                false => ALL,
            };
            // A resolution without a pixel has no packets.
            let side = |side: u32, exponent: u8| match side.unbounded_shr((levels - resolution).into()) {
                0 => 0,
                side => u64::from(side.unbounded_shr(exponent.into()).max(1)),
            };
            side(width, exponents & 15) * side(height, exponents >> 4)
        };
        u64::from(layers) * (0..=*levels).map(of_resolution).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Image and tiles of this size, with one component of 8 bits; then these segments.
    fn stream(size: u32, tile: u32, more: &[u8]) -> Vec<u8> {
        let mut stream = [&START[..], &[0, 41, 0, 0]].concat();
        stream.extend([size, size, 0, 0, tile, tile, 0, 0].iter().flat_map(|number| number.to_be_bytes()));
        stream.extend([0, 1, 7, 1, 1]);
        stream.extend(more);
        stream
    }

    fn tile_part(tile: u8) -> [u8; 14] {
        [0xff, SOT, 0, 10, 0, tile, 0, 0, 0, 14, 0, 1, 0xff, SOD]
    }

    fn check(coded: &[u8]) -> std::result::Result<(), String> {
        Header::read(coded).unwrap().check_parts(coded).map_err(|error| error.message().to_string())
    }

    #[test]
    fn tiles_that_are_missing() {
        let parts = [tile_part(0), tile_part(1), tile_part(2), tile_part(3)].concat();
        assert_eq!(check(&stream(16, 8, &parts)), Ok(()));
        let message = check(&stream(16, 8, &[&parts[..42], &[0; 20]].concat())).unwrap_err();
        assert!(message.ends_with("3 of 4 tiles"), "{message}");
        let message = check(&stream(16, 16, &tile_part(1))).unwrap_err();
        assert!(message.ends_with("tile 1 of 1"), "{message}");
    }

    #[test]
    fn more_than_so_few_bytes_can_hold() {
        let message = check(&stream(65_535, 1, &[])).unwrap_err();
        assert!(message.contains("4294836225 tiles"), "{message}");
        let cod =
            |style: u8, layers: u8, precincts: u8| [0xff, COD, 0, 13, style, 0, 0, layers, 0, 0, 4, 4, 0, 1, precincts];
        let with = |cod: [u8; 15]| stream(1024, 1024, &[&cod[..], &tile_part(0)].concat());
        assert_eq!(check(&with(cod(1, 1, 0x88))), Ok(()));
        assert_eq!(check(&with(cod(0, 1, 0))), Ok(()));
        let message = check(&with(cod(1, 1, 0))).unwrap_err();
        assert!(message.contains("1048576 packets"), "{message}");
        let message = check(&with(cod(0, 255, 0))).unwrap_err();
        assert!(message.contains("255 packets"), "{message}");
    }

    #[test]
    fn headers_that_are_cut_short() {
        let whole = stream(8, 8, &[]);
        for end in 4..whole.len() {
            assert_eq!(Header::read(&whole[..end]), None);
        }
    }
}
