//! Pictures that lie on their side or are mirrored, as TIFF tag 274 and EXIF say it.

use image::metadata::Orientation;

/// Whether the sides change places.
pub fn swaps_sides(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// What the EXIF segment in front of a JPEG code stream's scans says; without one that makes sense, nothing is turned.
pub fn of_jpeg(coded: &[u8]) -> Orientation {
    const EXIF: &[u8] = b"Exif\0\0";
    let mut rest = coded.get(2..).unwrap_or_default();
    while let [0xff, marker, after @ ..] = rest {
        rest = match marker {
            // Start of scan, end of image.
            0xda | 0xd9 => break,
            // Fill bytes.
            0xff => &rest[1..],
            _ => {
                let Some([high, low]) = after.first_chunk::<2>() else { break };
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                let Some(segment) = after.get(2..length) else { break };
                if *marker == 0xe1 && segment.starts_with(EXIF) {
                    return Orientation::from_exif_chunk(&segment[EXIF.len()..]).unwrap_or(Orientation::NoTransforms);
                }
                &after[length..]
            }
        };
    }
    Orientation::NoTransforms
}

/// Pixels of `bytes` bytes, turned as they are to be seen, with their new width and height.
pub fn turned(
    pixels: Vec<u8>,
    (width, height): (u32, u32),
    bytes: usize,
    orientation: Orientation,
) -> (Vec<u8>, (u32, u32)) {
    if orientation == Orientation::NoTransforms {
        return (pixels, (width, height));
    }
    let (columns, rows) = (width as usize, height as usize);
    let (to_width, to_height) = if swaps_sides(orientation) { (height, width) } else { (width, height) };
    let mut seen = Vec::with_capacity(pixels.len());
    for y in 0..to_height as usize {
        for x in 0..to_width as usize {
            // The stored column and row of what is seen at x, y.
            let (column, row) = match orientation {
                Orientation::NoTransforms => (x, y),
                Orientation::FlipHorizontal => (columns - 1 - x, y),
                Orientation::Rotate180 => (columns - 1 - x, rows - 1 - y),
                Orientation::FlipVertical => (x, rows - 1 - y),
                Orientation::Rotate90FlipH => (y, x),
                Orientation::Rotate90 => (y, rows - 1 - x),
                Orientation::Rotate270FlipH => (columns - 1 - y, rows - 1 - x),
                Orientation::Rotate270 => (columns - 1 - y, x),
            };
            let index = (row * columns + column) * bytes;
            seen.extend_from_slice(&pixels[index..index + bytes]);
        }
    }
    (seen, (to_width, to_height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orientations_of_exif() {
        // Seen as 1 2 / 3 4 / 5 6, and stored as each of TIFF 6.0's orientations says: where row 0 and column 0 are.
        let stored: [(u8, (u32, u32), [u8; 6]); 8] = [
            (1, (2, 3), [1, 2, 3, 4, 5, 6]),
            (2, (2, 3), [2, 1, 4, 3, 6, 5]),
            (3, (2, 3), [6, 5, 4, 3, 2, 1]),
            (4, (2, 3), [5, 6, 3, 4, 1, 2]),
            (5, (3, 2), [1, 3, 5, 2, 4, 6]),
            (6, (3, 2), [2, 4, 6, 1, 3, 5]),
            (7, (3, 2), [6, 4, 2, 5, 3, 1]),
            (8, (3, 2), [5, 3, 1, 6, 4, 2]),
        ];
        for (number, size, pixels) in stored {
            let orientation = Orientation::from_exif(number).unwrap();
            assert_eq!(turned(pixels.to_vec(), size, 1, orientation), (vec![1, 2, 3, 4, 5, 6], (2, 3)), "{number}");
            let doubled: Vec<u8> = pixels.iter().flat_map(|pixel| [*pixel, pixel + 10]).collect();
            let expected = (1..=6).flat_map(|pixel| [pixel, pixel + 10]).collect();
            assert_eq!(turned(doubled, size, 2, orientation), (expected, (2, 3)), "{number}");
        }
    }
}
