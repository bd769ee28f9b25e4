//! The register tile of products of bytes, and rounding to bytes.

use std::arch::x86_64::{
    __m512, __m512i, _MM_HINT_T0, _mm_prefetch, _mm_storeu_si128, _mm512_cvtepi32_ps, _mm512_cvtps_epi32,
    _mm512_cvtusepi32_epi8, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_max_ps,
    _mm512_set1_epi32, _mm512_setzero_ps, _mm512_setzero_si512, _mm512_storeu_ps,
};

/// Columns of a panel of packed weights: two vectors.
pub const PANEL: usize = 32;
/// Rows of the tile that the registers hold.
pub const ROWS: usize = 14;
/// Depths that one instruction multiplies and adds.
pub const FOUR: usize = 4;
const LANES: usize = 16;

/// How far ahead of its use a panel is asked for, in steps of `FOUR` depths.
const AHEAD: usize = 8;
/// Depths whose code lies in a row.
const UNROLLED: usize = 4 * FOUR;

/// Sums of a tile of rows and one panel of columns.
pub type Sums<const ROWS: usize> = [[__m512i; 2]; ROWS];

/// # Safety
/// The machine has the instructions.
#[inline(always)]
pub unsafe fn no_sums<const ROWS: usize>() -> Sums<ROWS> {
    // SAFETY: by contract.
    unsafe { [[_mm512_setzero_si512(); 2]; ROWS] }
}

/// Adds rows times panel to the sums, for `depth` depths, a multiple of 16. The rows, unsigned bytes, lie `STEP` bytes
/// apart; the panel, signed bytes, is `[depth / 4][column][4]`.
///
/// # Safety
/// The machine has the instructions; `(ROWS - 1) * STEP + depth` bytes are readable from `rows` on, and `PANEL * depth`
/// from `panel` on.
#[inline(always)]
pub unsafe fn accumulate<const STEP: usize, const ROWS: usize>(
    sums: &mut Sums<ROWS>,
    rows: *const u8,
    panel: *const i8,
    depth: usize,
) {
    for start in (0..depth).step_by(UNROLLED) {
        for k in (start..start + UNROLLED).step_by(FOUR) {
            // SAFETY: within what the contract makes readable; prefetches do not fault.
            unsafe {
                let at = panel.add(k * PANEL);
                let (first, second) = (_mm512_loadu_si512(at.cast()), _mm512_loadu_si512(at.add(64).cast()));
                let ahead = at.wrapping_add(AHEAD * FOUR * PANEL);
                _mm_prefetch::<_MM_HINT_T0>(ahead);
                _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(64));
                for row in 0..ROWS {
                    let bytes = _mm512_set1_epi32(rows.add(row * STEP + k).cast::<i32>().read_unaligned());
                    sums[row][0] = _mm512_dpbusd_epi32(sums[row][0], bytes, first);
                    sums[row][1] = _mm512_dpbusd_epi32(sums[row][1], bytes, second);
                }
            }
        }
    }
}

/// Half a row's sums, times the columns' factors and plus their addends.
///
/// # Safety
/// The machine has the instructions; a vector of floats is readable at each pointer, or there is no addend.
#[inline(always)]
pub unsafe fn scaled(sums: __m512i, factor: *const f32, addend: Option<*const f32>) -> __m512 {
    // SAFETY: by contract.
    unsafe {
        let addend = match addend {
            Some(addend) => _mm512_loadu_ps(addend),
            None => _mm512_setzero_ps(),
        };
        _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), _mm512_loadu_ps(factor), addend)
    }
}

/// Values times factors plus addends, not below zero.
///
/// # Safety
/// As for `scaled`.
#[inline(always)]
pub unsafe fn activated(values: *const f32, factor: *const f32, addend: *const f32) -> __m512 {
    // SAFETY: by contract.
    unsafe {
        let value = _mm512_fmadd_ps(_mm512_loadu_ps(values), _mm512_loadu_ps(factor), _mm512_loadu_ps(addend));
        _mm512_max_ps(value, _mm512_setzero_ps())
    }
}

/// Rounds to bytes: what is below 0 becomes 0, what is above 255 becomes 255.
///
/// # Safety
/// The machine has the instructions; 16 bytes are writable.
#[inline(always)]
pub unsafe fn store_bytes(values: __m512, target: *mut u8) {
    // SAFETY: by contract.
    unsafe {
        let whole = _mm512_cvtps_epi32(_mm512_max_ps(values, _mm512_setzero_ps()));
        _mm_storeu_si128(target.cast(), _mm512_cvtusepi32_epi8(whole));
    }
}

/// # Safety
/// The machine has the instructions; 16 floats are writable.
#[inline(always)]
pub unsafe fn store_floats(values: __m512, target: *mut f32) {
    // SAFETY: by contract.
    unsafe { _mm512_storeu_ps(target, values) }
}

/// The first column of each half of a panel.
pub const HALVES: [usize; 2] = [0, LANES];
