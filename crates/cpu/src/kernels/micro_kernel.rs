//! The micro-kernel of all matrix products: a register tile of up to `Vector::MR` rows of A by one panel of
//! `Vector::NR` columns of packed B, `[k][column]`.
//!
//! Each output is one chain of additions over k, whatever the tile, so that a pixel's result has the same bits in every
//! batch.

use super::vector::Vector;
use crate::partition::{even_parts, part_range};

/// Block of k in packed A: `[k / K_BLOCK][row][K_BLOCK]`.
pub const K_BLOCK: usize = 16;

/// Distance in k at which a panel of B is prefetched to the first-level cache: about the latency of the second-level
/// cache.
const B_PREFETCH_DEPTHS: usize = 8;

/// Floats of a cache line.
const CACHE_LINE: usize = 16;

/// Iterations over k that are unrolled.
const K_UNROLL: usize = 4;

/// The largest `Vector::MR`.
pub const MAX_MR: usize = 14;

/// Calls a function with a const generic number of rows that is known only at run time.
macro_rules! dispatch_rows {
    (one $function:ident, ($($generic:tt),*), $count:literal, ($($argument:expr),* $(,)?)) => {
        $function::<$($generic,)* $count>($($argument),*)
    };
    (each $rows:expr, $function:ident, $generics:tt, $arguments:tt, $($count:literal)*) => {
        match $rows {
            $($count => dispatch_rows!(one $function, $generics, $count, $arguments),)*
            other => unreachable!("a tile of {other} rows"),
        }
    };
    ($rows:expr, $function:ident, $generics:tt, $arguments:tt) => {
        dispatch_rows!(each $rows, $function, $generics, $arguments, 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
    };
}
pub(crate) use dispatch_rows;

/// What the micro-kernel prefetches to the second-level cache while it computes.
pub trait Prefetch: Copy {
    /// Prefetches what belongs to one k.
    fn issue<V: Vector>(self, depth: usize);
    /// The same, advanced by some values of k.
    fn advanced(self, depths: usize) -> Self;
}

/// Prefetches nothing.
impl Prefetch for () {
    #[inline(always)]
    fn issue<V: Vector>(self, _: usize) {}
    #[inline(always)]
    fn advanced(self, _: usize) -> Self {}
}

/// Floats that are prefetched evenly while k advances.
#[derive(Clone, Copy)]
pub struct PrefetchStream {
    address: *const f32,
    /// 0 if nothing is prefetched.
    floats_per_depth: usize,
}

impl PrefetchStream {
    /// All of these while k advances by `depths`; none if that were more than a cache line for each k, which would come
    /// too late.
    pub fn of(values: &[f32], depths: usize) -> Self {
        let per_depth = values.len().div_ceil(depths.max(1));
        PrefetchStream {
            address: values.as_ptr(),
            floats_per_depth: if per_depth > CACHE_LINE { 0 } else { per_depth },
        }
    }
}

impl Prefetch for PrefetchStream {
    #[inline(always)]
    fn issue<V: Vector>(self, depth: usize) {
        V::prefetch_l2(self.address.wrapping_add(depth * self.floats_per_depth));
    }
    #[inline(always)]
    fn advanced(self, depths: usize) -> Self {
        PrefetchStream { address: self.address.wrapping_add(depths * self.floats_per_depth), ..self }
    }
}

/// Prefetches the next panel of B, and something that is needed later.
#[derive(Clone, Copy)]
pub struct PanelPrefetch {
    panel: PrefetchStream,
    /// Whether two cache lines are prefetched for each k.
    two_lines: bool,
    later: PrefetchStream,
}

impl PanelPrefetch {
    /// Part `index` of the next panel, of `width` columns and the same depth, where `count` tiles prefetch it together.
    #[inline(always)]
    pub fn share_of(panel: *const f32, width: usize, depth: usize, index: usize, count: usize) -> Self {
        let first = part_range(width * depth, index, count).start;
        let panels = PrefetchStream { address: panel.wrapping_add(first), floats_per_depth: width.div_ceil(count) };
        PanelPrefetch {
            panel: panels,
            two_lines: panels.floats_per_depth > CACHE_LINE,
            later: PrefetchStream { address: panel, floats_per_depth: 0 },
        }
    }

    /// Half of a panel of `width` columns, beginning at `panel`.
    #[inline(always)]
    pub fn half_panel(panel: *const f32, width: usize) -> Self {
        PanelPrefetch {
            panel: PrefetchStream { address: panel, floats_per_depth: width },
            two_lines: false,
            later: PrefetchStream { address: panel, floats_per_depth: 0 },
        }
    }

    /// And something that is needed later.
    #[inline(always)]
    pub fn with_stream(self, later: PrefetchStream) -> Self {
        // If there is nothing, the panel's address is prefetched again, which costs less than an unmapped address.
        if later.floats_per_depth == 0 { self } else { PanelPrefetch { later, ..self } }
    }
}

impl Prefetch for PanelPrefetch {
    #[inline(always)]
    fn issue<V: Vector>(self, depth: usize) {
        self.panel.issue::<V>(depth);
        if self.two_lines {
            V::prefetch_l2(self.panel.address.wrapping_add(depth * self.panel.floats_per_depth + CACHE_LINE));
        }
        self.later.issue::<V>(depth);
    }
    #[inline(always)]
    fn advanced(self, depths: usize) -> Self {
        PanelPrefetch { panel: self.panel.advanced(depths), later: self.later.advanced(depths), ..self }
    }
}

/// Adds A times a panel of B to the sums, over `depth` values of k. `a` points to k = 0 of row 0; its rows are `LDA`
/// floats apart. `NR_VECTORS` is 2, or 1 for half a panel, whose address `b_panel` then is.
///
/// # Safety
/// The machine has `V`'s instructions; `(ROWS - 1) * LDA + depth` floats are readable from `a` on, and `NR_VECTORS *
/// V::LANES` floats at each of `depth` multiples of `V::NR` floats from `b_panel` on.
#[inline(always)]
pub unsafe fn accumulate<V: Vector, P: Prefetch, const LDA: usize, const ROWS: usize, const NR_VECTORS: usize>(
    sums: &mut [[V; NR_VECTORS]; ROWS],
    a: *const f32,
    b_panel: *const f32,
    depth: usize,
    prefetch: P,
) {
    let whole = depth / K_UNROLL * K_UNROLL;
    for start in (0..whole).step_by(K_UNROLL) {
        for k in start..start + K_UNROLL {
            // SAFETY: the contract is passed on.
            unsafe { rank_1_update::<V, P, LDA, ROWS, NR_VECTORS>(sums, a, b_panel, k, prefetch) };
        }
    }
    for k in whole..depth {
        // SAFETY: the contract is passed on.
        unsafe { rank_1_update::<V, P, LDA, ROWS, NR_VECTORS>(sums, a, b_panel, k, prefetch) };
    }
}

/// The update of `accumulate` for one k.
///
/// # Safety
/// As there, with `k` below the depth.
#[inline(always)]
unsafe fn rank_1_update<V: Vector, P: Prefetch, const LDA: usize, const ROWS: usize, const NR_VECTORS: usize>(
    sums: &mut [[V; NR_VECTORS]; ROWS],
    a: *const f32,
    b_panel: *const f32,
    k: usize,
    prefetch: P,
) {
    // SAFETY: within what the contract makes readable.
    unsafe {
        let at = b_panel.add(k * V::NR);
        let first = V::load(at);
        let second = if NR_VECTORS == 2 { V::load(at.add(V::LANES)) } else { first };
        V::prefetch_l1(at.wrapping_add(V::NR * B_PREFETCH_DEPTHS));
        if V::LANES == 16 && NR_VECTORS == 2 {
            V::prefetch_l1(at.wrapping_add(V::NR * B_PREFETCH_DEPTHS + V::LANES));
        }
        prefetch.issue::<V>(k);
        if LDA == K_BLOCK {
            // A cache line of the same rows in the next block of k.
            V::prefetch_l1(a.wrapping_add((ROWS + k) * K_BLOCK));
        }
        for row in 0..ROWS {
            let value = V::splat(*a.add(row * LDA + k));
            sums[row][0] = value.mul_add(first, sums[row][0]);
            if NR_VECTORS == 2 {
                sums[row][NR_VECTORS - 1] = value.mul_add(second, sums[row][NR_VECTORS - 1]);
            }
        }
    }
}

/// Adds packed A times a panel of B to the sums, over `k_blocks` blocks of k.
///
/// # Safety
/// The machine has `V`'s instructions, and A and panel have `k_blocks` blocks.
#[inline(always)]
pub unsafe fn accumulate_packed<V: Vector, P: Prefetch, const ROWS: usize, const NR_VECTORS: usize>(
    sums: &mut [[V; NR_VECTORS]; ROWS],
    mut a: *const f32,
    mut b_panel: *const f32,
    k_blocks: usize,
    mut prefetch: P,
) {
    for _ in 0..k_blocks {
        // SAFETY: the contract is passed on.
        unsafe { accumulate::<V, P, K_BLOCK, ROWS, NR_VECTORS>(sums, a, b_panel, K_BLOCK, prefetch) };
        a = a.wrapping_add(ROWS * K_BLOCK);
        b_panel = b_panel.wrapping_add(K_BLOCK * V::NR);
        prefetch = prefetch.advanced(K_BLOCK);
    }
}

/// Operands of one register tile.
#[derive(Clone, Copy)]
pub struct MicroTile {
    /// `[k / K_BLOCK][row][K_BLOCK]`.
    pub packed_a: *const f32,
    /// `[k][NR]`, or the address of the second half of the columns.
    pub b_panel: *const f32,
    /// Depth in units of `K_BLOCK`.
    pub k_blocks: usize,
    /// Initial value of each column, or null for zeros.
    pub bias: *const f32,
    /// Row 0 of the output.
    pub c: *mut f32,
    /// Floats from one row of the output to the next.
    pub ldc: usize,
    pub prefetch: PanelPrefetch,
}

/// Computes a tile of `rows` rows, with ReLU or without, of a panel (`NR_VECTORS` is 2) or half of one (1).
///
/// # Safety
/// The machine has `V`'s instructions, `rows` is 1 to `V::MR`, and the tile's pointers reach what it says.
#[inline(always)]
pub unsafe fn micro_kernel<V: Vector, const RELU: bool, const NR_VECTORS: usize>(rows: usize, tile: MicroTile) {
    // SAFETY: the contract is passed on.
    unsafe { dispatch_rows!(rows, micro_kernel_rows, (V, RELU, NR_VECTORS), (tile)) }
}

#[inline(always)]
unsafe fn micro_kernel_rows<V: Vector, const RELU: bool, const NR_VECTORS: usize, const ROWS: usize>(tile: MicroTile) {
    if ROWS > V::MR {
        unreachable!("a tile of {ROWS} rows");
    }
    // SAFETY: within what the tile says, by contract.
    unsafe {
        let bias = if tile.bias.is_null() {
            [V::splat(0.0); NR_VECTORS]
        } else {
            let first = V::load(tile.bias);
            let mut bias = [first; NR_VECTORS];
            if NR_VECTORS == 2 {
                bias[NR_VECTORS - 1] = V::load(tile.bias.add(V::LANES));
            }
            bias
        };
        let mut sums = [bias; ROWS];
        accumulate_packed::<V, PanelPrefetch, ROWS, NR_VECTORS>(
            &mut sums,
            tile.packed_a,
            tile.b_panel,
            tile.k_blocks,
            tile.prefetch,
        );
        for row in 0..ROWS {
            for vector in 0..NR_VECTORS {
                let value = if RELU { sums[row][vector].relu() } else { sums[row][vector] };
                value.store(tile.c.add(row * tile.ldc + vector * V::LANES));
            }
        }
    }
}

/// `count` rows in tiles of at most `max` rows, as even as possible: first row and number of rows of each.
pub fn tiles(count: usize, max: usize) -> impl Iterator<Item = (usize, usize)> {
    even_parts(count, count.div_ceil(max)).map(|part| (part.start, part.len()))
}
