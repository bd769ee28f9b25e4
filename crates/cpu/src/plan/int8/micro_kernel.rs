//! The int8 micro-kernel, quantisation and dequantisation, with AVX-512 VNNI.

use std::arch::x86_64::{
    __m512, __m512i, _MM_HINT_T0, _mm_prefetch, _mm_storeu_si128, _mm512_cvtepi32_ps, _mm512_cvtps_epi32,
    _mm512_cvtusepi32_epi8, _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_max_ps,
    _mm512_set1_epi32, _mm512_setzero_ps, _mm512_setzero_si512, _mm512_storeu_ps,
};

/// Columns of a panel of packed weights: two vectors.
pub const NR: usize = 32;
/// Rows of the register tile.
pub const MR: usize = 14;
/// Values of k that one VNNI instruction multiplies and adds.
pub const K_GROUP: usize = 4;
const LANES: usize = 16;

/// Distance at which a panel of B is prefetched, in groups of K_GROUP values of k.
const B_PREFETCH_GROUPS: usize = 8;
/// Values of k whose loop iterations are unrolled.
const K_UNROLL: usize = 4 * K_GROUP;

/// Accumulators of a register tile.
pub type Accumulators<const ROWS: usize> = [[__m512i; 2]; ROWS];

/// # Safety
/// The machine has the instructions.
#[inline(always)]
pub unsafe fn zero_accumulators<const ROWS: usize>() -> Accumulators<ROWS> {
    // SAFETY: by contract.
    unsafe { [[_mm512_setzero_si512(); 2]; ROWS] }
}

/// Adds A times a panel of B to the sums, over `depth` values of k, a multiple of 16. A's rows, u8, are `LDA` bytes
/// apart; the panel, i8, is `[k / 4][column][4]`.
///
/// # Safety
/// The machine has the instructions; `(ROWS - 1) * LDA + depth` bytes are readable from `a` on, and `NR * depth` from
/// `b_panel` on.
#[inline(always)]
pub unsafe fn accumulate<const LDA: usize, const ROWS: usize>(
    sums: &mut Accumulators<ROWS>,
    a: *const u8,
    b_panel: *const i8,
    depth: usize,
) {
    for start in (0..depth).step_by(K_UNROLL) {
        for k in (start..start + K_UNROLL).step_by(K_GROUP) {
            // SAFETY: within what the contract makes readable; prefetches do not fault.
            unsafe {
                let at = b_panel.add(k * NR);
                let (first, second) = (_mm512_loadu_si512(at.cast()), _mm512_loadu_si512(at.add(64).cast()));
                let ahead = at.wrapping_add(B_PREFETCH_GROUPS * K_GROUP * NR);
                _mm_prefetch::<_MM_HINT_T0>(ahead);
                _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(64));
                for row in 0..ROWS {
                    let bytes = _mm512_set1_epi32(a.add(row * LDA + k).cast::<i32>().read_unaligned());
                    sums[row][0] = _mm512_dpbusd_epi32(sums[row][0], bytes, first);
                    sums[row][1] = _mm512_dpbusd_epi32(sums[row][1], bytes, second);
                }
            }
        }
    }
}

/// One vector of a row's sums, times the columns' scales, plus their shifts.
///
/// # Safety
/// The machine has the instructions; a vector of floats is readable at each pointer.
#[inline(always)]
pub unsafe fn dequantize(sums: __m512i, scale: *const f32, shift: Option<*const f32>) -> __m512 {
    // SAFETY: by contract.
    unsafe {
        let shift = match shift {
            Some(shift) => _mm512_loadu_ps(shift),
            None => _mm512_setzero_ps(),
        };
        _mm512_fmadd_ps(_mm512_cvtepi32_ps(sums), _mm512_loadu_ps(scale), shift)
    }
}

/// `max(values * scale + shift, 0)`.
///
/// # Safety
/// As for `dequantize`.
#[inline(always)]
pub unsafe fn norm_relu(values: *const f32, scale: *const f32, shift: *const f32) -> __m512 {
    // SAFETY: by contract.
    unsafe {
        let value = _mm512_fmadd_ps(_mm512_loadu_ps(values), _mm512_loadu_ps(scale), _mm512_loadu_ps(shift));
        _mm512_max_ps(value, _mm512_setzero_ps())
    }
}

/// Rounds to u8, saturating.
///
/// # Safety
/// The machine has the instructions; 16 bytes are writable.
#[inline(always)]
pub unsafe fn store_u8(values: __m512, target: *mut u8) {
    // SAFETY: by contract.
    unsafe {
        let whole = _mm512_cvtps_epi32(_mm512_max_ps(values, _mm512_setzero_ps()));
        _mm_storeu_si128(target.cast(), _mm512_cvtusepi32_epi8(whole));
    }
}

/// # Safety
/// The machine has the instructions; 16 floats are writable.
#[inline(always)]
pub unsafe fn store_f32(values: __m512, target: *mut f32) {
    // SAFETY: by contract.
    unsafe { _mm512_storeu_ps(target, values) }
}

/// The first column of each vector of a panel.
pub const VECTOR_OFFSETS: [usize; 2] = [0, LANES];
