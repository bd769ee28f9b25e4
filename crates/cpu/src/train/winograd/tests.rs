use super::*;
use rand::RngExt;

const INPUTS: usize = 64;
const OUTPUTS: usize = 32;
/// More than `OUTPUTS`, as in a dense block.
const PIXEL_STRIDE: usize = 40;

fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut random = lens_base::generator(seed, 0);
    (0..count).map(|_| random.random::<f32>() * 2.0 - 1.0).collect()
}

/// Calls `work` with an output pixel, an input pixel in its window, and the tap between them.
fn windows(shape: TensorShape, mut work: impl FnMut(usize, usize, usize)) {
    for image in 0..shape.images {
        for (y, x) in (0..shape.pixels()).map(|pixel| (pixel / shape.width, pixel % shape.width)) {
            for tap in 0..9 {
                let (in_y, in_x) = (y + tap / 3, x + tap % 3);
                if (1..=shape.height).contains(&in_y) && (1..=shape.width).contains(&in_x) {
                    let pixel = |y: usize, x: usize| (image * shape.height + y) * shape.width + x;
                    work(pixel(y, x), pixel(in_y - 1, in_x - 1), tap);
                }
            }
        }
    }
}

fn check(found: f32, expected: f64, scale: f64, what: &str) {
    assert!((f64::from(found) - expected).abs() < 2e-6 * scale, "{what}: {found}, not {expected}");
}

/// For sides of all parities, bands that end within an image, and parts that begin there.
#[test]
fn winograd_matches_direct_forward_and_backward() {
    for (images, height, width) in [(1, 1, 1), (3, 2, 1), (2, 5, 7), (3, 7, 4), (1, 37, 10), (70, 3, 2)] {
        let shape = TensorShape { images, height, width, channels: INPUTS };
        let (input, weight) = (noise(1, shape.len()), noise(2, 9 * INPUTS * OUTPUTS));
        let gradient = noise(3, shape.rows() * OUTPUTS);
        // Weights are (tap, input, output) here.
        let mut output = vec![0.0; shape.rows() * OUTPUTS];
        let mut of_weight = vec![0.0; weight.len()];
        windows(shape, |to, from, tap| {
            for i in 0..INPUTS {
                let value = f64::from(input[from * INPUTS + i]);
                for o in 0..OUTPUTS {
                    let at = (tap * INPUTS + i) * OUTPUTS + o;
                    output[to * OUTPUTS + o] += value * f64::from(weight[at]);
                    of_weight[at] += value * f64::from(gradient[to * OUTPUTS + o]);
                }
            }
        });
        for instructions in Instructions::available() {
            let what = format!("{instructions:?}, {images} images of {width} x {height}");
            let width_of_panel = instructions.nr();
            let mut filters = vec![0.0; POINTS * INPUTS * OUTPUTS];
            for (panel, target) in filters.chunks_mut(POINTS * INPUTS * width_of_panel).enumerate() {
                for (row, target) in target[..9 * INPUTS * width_of_panel].chunks_mut(width_of_panel).enumerate() {
                    target.copy_from_slice(&weight[row * OUTPUTS + panel * width_of_panel..][..width_of_panel]);
                }
            }
            transform_filters(instructions, &mut filters, INPUTS * width_of_panel);
            let filters = WinogradFilters::new(instructions, &filters, (INPUTS, OUTPUTS));
            let grid = TileGrid::new(shape);
            let (mut padded, mut padded_gradient) = (Vec::new(), Vec::new());
            let mut transformed = vec![f32::NAN; TileGrid::transformed(INPUTS)];
            let mut transformed_output = vec![f32::NAN; TileGrid::transformed(OUTPUTS)];
            let mut found = vec![7.0; shape.rows() * PIXEL_STRIDE];
            let mut parts = [vec![0.0; POINTS * INPUTS * OUTPUTS], vec![0.0; POINTS * INPUTS * OUTPUTS]];
            let middle = grid.rows() / 3;
            for (rows, target) in [0..middle, middle..grid.rows()].into_iter().zip(&mut parts) {
                for band in grid.bands(rows) {
                    let padded = grid.pad(&band, INPUTS, &mut padded, |pixel, line| {
                        line.copy_from_slice(&input[pixel * INPUTS..][..line.len()]);
                    });
                    let padded = padded.unwrap();
                    let of_output = grid.pad(&band, OUTPUTS, &mut padded_gradient, |pixel, line| {
                        line.copy_from_slice(&gradient[pixel * OUTPUTS..][..line.len()]);
                    });
                    let memory = (&mut transformed[..], &mut transformed_output[..]);
                    let added = (of_output.unwrap(), OUTPUTS);
                    grid.add_filter_gradient(instructions, &band, (padded, INPUTS), added, target, memory);
                    let memory = (&mut transformed[..], &mut transformed_output[..]);
                    let pixels = band.pixels.start * PIXEL_STRIDE..band.pixels.end * PIXEL_STRIDE;
                    grid.convolve::<INPUTS>(&band, padded, filters, (&mut found[pixels], PIXEL_STRIDE), memory);
                }
            }
            for (pixel, (found, expected)) in found.chunks(PIXEL_STRIDE).zip(output.chunks(OUTPUTS)).enumerate() {
                assert!(found[OUTPUTS..].iter().all(|value| *value == 7.0), "{what}");
                for (found, expected) in found.iter().zip(expected) {
                    check(*found, *expected, (9.0 * INPUTS as f64).sqrt(), &format!("{what}, pixel {pixel}"));
                }
            }
            for part in &mut parts {
                transform_filter_gradient(instructions, part, INPUTS * OUTPUTS);
            }
            for ((first, second), expected) in parts[0].iter().zip(&parts[1]).zip(&of_weight) {
                check(first + second, *expected, (shape.rows() as f64).sqrt().max(4.0), &format!("{what}, gradient"));
            }
        }
    }
}
