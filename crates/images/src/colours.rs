//! Colours that are stored as other than red, green and blue.

/// Red, green and blue of luminance and two colour differences: YBR_FULL of DICOM, YCbCr of JPEG and TIFF. The inverse of
/// PS3.3 C.7.6.3.1.2.
pub fn rgb_of_ybr([luminance, blue, red]: [u8; 3]) -> [u8; 3] {
    let [luminance, blue, red] = [f32::from(luminance), f32::from(blue) - 128.0, f32::from(red) - 128.0];
    [luminance + 1.402 * red, luminance - 0.344_136 * blue - 0.714_136 * red, luminance + 1.772 * blue]
        .map(|value| value.round() as u8)
}

/// Red, green and blue of cyan, magenta, yellow and black, of which 255 is all of the ink; as Pillow.
pub fn rgb_of_cmyk([cyan, magenta, yellow, black]: [u8; 4]) -> [u8; 3] {
    let product = |one: u8, other: u8| {
        let product = u32::from(one) * u32::from(other) + 128;
        ((product + (product >> 8)) >> 8) as u8
    };
    let light = 255 - black;
    [cyan, magenta, yellow].map(|ink| light.saturating_sub(product(ink, light)))
}
