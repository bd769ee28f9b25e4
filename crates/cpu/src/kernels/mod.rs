//! Arithmetic on the CPU for several instruction sets, chosen at run time.

#[allow(clippy::needless_range_loop)]
pub mod gemm;
#[allow(clippy::needless_range_loop)]
pub mod micro_kernel;
pub mod vector;
