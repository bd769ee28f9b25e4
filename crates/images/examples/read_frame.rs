//! Reads frames as it is told to, for comparisons with other readers: a request, a line of JSON, on standard input; an
//! answer on standard output, also a line of JSON, and after it the pixels.
//!
//!     {"path": "a.dcm", "frame": 0, "window": 0, "full_range": false}
//!     {"path": "a.dcm", "frames": [0, 1, 2]}
//!
//! The first is answered with what the view says of the pixels; its `stored_bytes` bytes of stored values follow, rows
//! without gaps in the machine's byte order, and then its `channels` 32-bit floats of 0..1 for each pixel, as it is seen. The
//! second with the seconds that decoding each of the frames took. `error` and `kind` say why there is neither.

use lens_images::{Display, ImageFile, PixelFormat, ReadOptions};
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

fn number(request: &Value, name: &str) -> u32 {
    request[name].as_u64().unwrap_or(0) as u32
}

/// The answer, and the bytes after it.
fn read(request: &Value) -> lens_base::Result<(Value, Vec<u8>)> {
    let path = Path::new(request["path"].as_str().expect("a request has a path"));
    if let Some(frames) = request["frames"].as_array() {
        let mut seconds = Vec::new();
        for frame in frames {
            let start = Instant::now();
            std::hint::black_box(ImageFile::load(path, frame.as_u64().expect("frames are numbers") as u32)?);
            seconds.push(start.elapsed().as_secs_f64());
        }
        return Ok((json!({ "seconds": seconds }), Vec::new()));
    }
    let display = if request["full_range"] == true { Display::FullRange } else { Display::Viewer };
    let options = ReadOptions { display, window: number(request, "window"), ..ReadOptions::default() };
    let file = ImageFile::load_as(path, number(request, "frame"), &options)?;
    let view = file.view();
    let raster = view.to_raster()?;
    let windowing = view.windowing();
    let mut pixels: Vec<u8> = view.rows().flatten().copied().collect();
    let is_gray = view.format() == PixelFormat::GrayF32 || view.format().bytes() < 3;
    let answer = json!({
        "width": view.width(),
        "height": view.height(),
        "format": view.format().to_string(),
        "frames": file.frames(),
        "presets": file.presets().len(),
        "slope": windowing.slope,
        "intercept": windowing.intercept,
        "stored_bytes": pixels.len(),
        "channels": if is_gray { 1 } else { 3 },
    });
    let places = (0..view.height()).flat_map(|y| (0..view.width()).map(move |x| (x, y)));
    let seen = places.flat_map(|(x, y)| raster.rgb(x, y).into_iter().take(if is_gray { 1 } else { 3 }));
    pixels.extend(seen.flat_map(f32::to_ne_bytes));
    Ok((answer, pixels))
}

fn main() -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let request = serde_json::from_str(&line?).expect("a request is a line of JSON");
        let (answer, pixels) = read(&request).unwrap_or_else(|error| {
            (json!({ "error": error.message(), "kind": format!("{:?}", error.kind()) }), Vec::new())
        });
        writeln!(output, "{answer}")?;
        output.write_all(&pixels)?;
        output.flush()?;
    }
    Ok(())
}
