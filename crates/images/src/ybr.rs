//! YBR_FULL of DICOM, which is YCbCr of JPEG and TIFF.

/// Red, green and blue of luminance and two colour differences: the inverse of PS3.3 C.7.6.3.1.2.
pub fn rgb_of_ybr([luminance, blue, red]: [u8; 3]) -> [u8; 3] {
    let [luminance, blue, red] = [f32::from(luminance), f32::from(blue) - 128.0, f32::from(red) - 128.0];
    [luminance + 1.402 * red, luminance - 0.344_136 * blue - 0.714_136 * red, luminance + 1.772 * blue]
        .map(|value| value.round() as u8)
}
