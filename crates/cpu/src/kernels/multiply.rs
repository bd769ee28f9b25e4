//! The register tile of all matrix products: a few rows times one panel of packed weights.
//!
//! A panel is two vectors of columns wide: for each depth the weights of its columns lie beside each other. Each output
//! is one chain of additions over the depth, whatever the tile, so that the same pixel gives the same bits in any
//! company.

use super::vector::Vector;
use crate::cut::{cut, share};

/// Depths that lie beside each other in a row of packed pixels: `[depth / 16][row][16]`.
pub const DEPTH: usize = 16;

/// How far ahead of its use a panel is asked for, in depths: about the time that the second-level cache takes.
const AHEAD: usize = 8;

/// Floats of a line of the cache.
const LINE: usize = 16;

/// Depths whose code lies in a row, so that counting takes no turns from multiplying.
const UNROLLED: usize = 4;

/// The largest `Vector::ROWS`.
pub const MOST_ROWS: usize = 14;

/// Calls a function generic over a number of rows with a number known at run time.
macro_rules! with_rows {
    (one $function:ident, ($($generic:tt),*), $count:literal, ($($argument:expr),* $(,)?)) => {
        $function::<$($generic,)* $count>($($argument),*)
    };
    (each $rows:expr, $function:ident, $generics:tt, $arguments:tt, $($count:literal)*) => {
        match $rows {
            $($count => with_rows!(one $function, $generics, $count, $arguments),)*
            other => unreachable!("a tile of {other} rows"),
        }
    };
    ($rows:expr, $function:ident, $generics:tt, $arguments:tt) => {
        with_rows!(each $rows, $function, $generics, $arguments, 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
    };
}
pub(crate) use with_rows;

/// What a tile asks for while it computes: weights come from afar, and are in the second-level cache when their turn
/// comes.
pub trait Ahead: Copy {
    /// Asks for what belongs to a depth.
    fn ask<V: Vector>(self, depth: usize);
    /// The same after so many depths.
    fn after(self, depths: usize) -> Self;
}

/// Nothing is known to come.
impl Ahead for () {
    #[inline(always)]
    fn ask<V: Vector>(self, _: usize) {}
    #[inline(always)]
    fn after(self, _: usize) -> Self {}
}

/// Floats that are asked for little by little.
#[derive(Clone, Copy)]
pub struct Stream {
    address: *const f32,
    /// Floats at each depth.
    step: usize,
}

impl Stream {
    /// All of these in so many depths; none when that were more than a line at a depth, which would come too late.
    pub fn of(values: &[f32], depths: usize) -> Self {
        let step = values.len().div_ceil(depths.max(1));
        Stream { address: values.as_ptr(), step: if step > LINE { 0 } else { step } }
    }
}

impl Ahead for Stream {
    #[inline(always)]
    fn ask<V: Vector>(self, depth: usize) {
        V::prefetch_far(self.address.wrapping_add(depth * self.step));
    }
    #[inline(always)]
    fn after(self, depths: usize) -> Self {
        Stream { address: self.address.wrapping_add(depths * self.step), ..self }
    }
}

/// The panel that comes next, and what comes later.
#[derive(Clone, Copy)]
pub struct Next {
    panel: Stream,
    /// Whether a depth has two lines.
    both: bool,
    soon: Stream,
}

impl Next {
    /// The share of the `index`-th of `count` tiles in a panel of `width` columns, as deep as the tiles.
    #[inline(always)]
    pub fn share(panel: *const f32, width: usize, depth: usize, index: usize, count: usize) -> Self {
        let first = share(width * depth, index, count).start;
        let panels = Stream { address: panel.wrapping_add(first), step: width.div_ceil(count) };
        Next { panel: panels, both: panels.step > LINE, soon: Stream { address: panel, step: 0 } }
    }

    /// The half that begins there of a panel of `width` columns.
    #[inline(always)]
    pub fn half(panel: *const f32, width: usize) -> Self {
        Next { panel: Stream { address: panel, step: width }, both: false, soon: Stream { address: panel, step: 0 } }
    }

    /// Something else, too.
    #[inline(always)]
    pub fn and(self, soon: Stream) -> Self {
        // Where nothing comes the panel is asked for again, which costs less than an address without memory.
        if soon.step == 0 { self } else { Next { soon, ..self } }
    }
}

impl Ahead for Next {
    #[inline(always)]
    fn ask<V: Vector>(self, depth: usize) {
        self.panel.ask::<V>(depth);
        if self.both {
            V::prefetch_far(self.panel.address.wrapping_add(depth * self.panel.step + LINE));
        }
        self.soon.ask::<V>(depth);
    }
    #[inline(always)]
    fn after(self, depths: usize) -> Self {
        Next { panel: self.panel.after(depths), soon: self.soon.after(depths), ..self }
    }
}

/// Adds rows times panel to the sums, for `depth` depths. `rows` points to depth 0 of row 0; the rows lie `STEP` floats
/// apart. `WIDE` is 2, or 1 for half a panel, whose `panel` is the address of the half.
///
/// # Safety
/// The machine has `V`'s instructions; `(ROWS - 1) * STEP + depth` floats are readable from `rows` on, and at each of
/// `depth` steps of `2 * V::LANES` floats from `panel` on `WIDE * V::LANES` floats.
#[inline(always)]
pub unsafe fn accumulate<V: Vector, A: Ahead, const STEP: usize, const ROWS: usize, const WIDE: usize>(
    sums: &mut [[V; WIDE]; ROWS],
    rows: *const f32,
    panel: *const f32,
    depth: usize,
    next: A,
) {
    let whole = depth / UNROLLED * UNROLLED;
    for start in (0..whole).step_by(UNROLLED) {
        for k in start..start + UNROLLED {
            // SAFETY: the contract is passed on.
            unsafe { accumulate_one::<V, A, STEP, ROWS, WIDE>(sums, rows, panel, k, next) };
        }
    }
    for k in whole..depth {
        // SAFETY: the contract is passed on.
        unsafe { accumulate_one::<V, A, STEP, ROWS, WIDE>(sums, rows, panel, k, next) };
    }
}

/// One depth of `accumulate`.
///
/// # Safety
/// As there, with `k` below the depth.
#[inline(always)]
unsafe fn accumulate_one<V: Vector, A: Ahead, const STEP: usize, const ROWS: usize, const WIDE: usize>(
    sums: &mut [[V; WIDE]; ROWS],
    rows: *const f32,
    panel: *const f32,
    k: usize,
    next: A,
) {
    // SAFETY: within what the contract makes readable.
    unsafe {
        let at = panel.add(k * 2 * V::LANES);
        let first = V::load(at);
        let second = if WIDE == 2 { V::load(at.add(V::LANES)) } else { first };
        V::prefetch(at.wrapping_add(2 * V::LANES * AHEAD));
        if V::LANES == 16 && WIDE == 2 {
            V::prefetch(at.wrapping_add(2 * V::LANES * AHEAD + V::LANES));
        }
        next.ask::<V>(k);
        if STEP == DEPTH {
            // A line of the same rows at the next depths, which lie behind these.
            V::prefetch(rows.wrapping_add((ROWS + k) * DEPTH));
        }
        for row in 0..ROWS {
            let value = V::splat(*rows.add(row * STEP + k));
            sums[row][0] = value.times_plus(first, sums[row][0]);
            if WIDE == 2 {
                sums[row][WIDE - 1] = value.times_plus(second, sums[row][WIDE - 1]);
            }
        }
    }
}

/// Adds packed rows, `[depth / 16][row][16]`, times panel to the sums, for so many depths in units of `DEPTH`.
///
/// # Safety
/// The machine has `V`'s instructions, and rows and panel are so deep.
#[inline(always)]
pub unsafe fn accumulate_packed<V: Vector, A: Ahead, const ROWS: usize, const WIDE: usize>(
    sums: &mut [[V; WIDE]; ROWS],
    mut rows: *const f32,
    mut panel: *const f32,
    depth: usize,
    mut next: A,
) {
    for _ in 0..depth {
        // SAFETY: the contract is passed on.
        unsafe { accumulate::<V, A, DEPTH, ROWS, WIDE>(sums, rows, panel, DEPTH, next) };
        rows = rows.wrapping_add(ROWS * DEPTH);
        panel = panel.wrapping_add(DEPTH * 2 * V::LANES);
        next = next.after(DEPTH);
    }
}

/// What one tile reads and writes.
#[derive(Clone, Copy)]
pub struct Tile {
    /// Packed pixels: `[depth / 16][row][16]`.
    pub rows: *const f32,
    /// Packed weights: `[depth][2 * LANES]`, or where the second half of each begins.
    pub panel: *const f32,
    /// In units of `DEPTH`.
    pub depth: usize,
    /// What the sums begin with: a float for each column, or null for zeros.
    pub bias: *const f32,
    /// Where row 0 goes.
    pub target: *mut f32,
    /// How far apart the rows go.
    pub step: usize,
    pub next: Next,
}

/// Computes a tile of `rows` rows, with ReLU or without, of a panel (`WIDE` is 2) or half of one (1).
///
/// # Safety
/// The machine has `V`'s instructions, `rows` is 1 to `V::ROWS`, and the tile's pointers reach what it says.
#[inline(always)]
pub unsafe fn multiply<V: Vector, const RELU: bool, const WIDE: usize>(rows: usize, tile: Tile) {
    // SAFETY: the contract is passed on.
    unsafe { with_rows!(rows, multiply_rows, (V, RELU, WIDE), (tile)) }
}

#[inline(always)]
unsafe fn multiply_rows<V: Vector, const RELU: bool, const WIDE: usize, const ROWS: usize>(tile: Tile) {
    if ROWS > V::ROWS {
        unreachable!("a tile of {ROWS} rows");
    }
    // SAFETY: within what the tile says, by contract.
    unsafe {
        let bias = if tile.bias.is_null() {
            [V::splat(0.0); WIDE]
        } else {
            let first = V::load(tile.bias);
            let mut bias = [first; WIDE];
            if WIDE == 2 {
                bias[WIDE - 1] = V::load(tile.bias.add(V::LANES));
            }
            bias
        };
        let mut sums = [bias; ROWS];
        accumulate_packed::<V, Next, ROWS, WIDE>(&mut sums, tile.rows, tile.panel, tile.depth, tile.next);
        for row in 0..ROWS {
            for half in 0..WIDE {
                let value = if RELU { sums[row][half].relu() } else { sums[row][half] };
                value.store(tile.target.add(row * tile.step + half * V::LANES));
            }
        }
    }
}

/// `count` rows as tiles of at most `most` rows, as even as can be: first row and number of each.
pub fn tiles(count: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    cut(count, count.div_ceil(most)).map(|part| (part.start, part.len()))
}
