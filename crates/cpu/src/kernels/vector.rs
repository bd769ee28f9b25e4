//! SIMD vectors of f32 for three instruction sets behind one trait, and dispatch at run time.
//!
//! A kernel is written once, over `Vector`; `Instructions::run` compiles it for each instruction set. Everything a
//! kernel calls must be `#[inline(always)]`, so that it is compiled inside the function that has the target features.
//! Int8 kernels exist for one instruction set only, `Vnni`.

use lens_engine::EngineName;

/// A SIMD vector of f32.
pub trait Vector: Copy {
    /// Floats of a vector.
    const LANES: usize;
    /// Rows of the tile that the micro-kernel of a matrix product keeps in registers.
    const MR: usize;
    /// Columns of that tile, and of a panel of packed B: two vectors.
    const NR: usize = 2 * Self::LANES;

    /// # Safety
    /// `LANES` floats are readable there.
    unsafe fn load(from: *const f32) -> Self;
    /// # Safety
    /// `LANES` floats are writable there.
    unsafe fn store(self, to: *mut f32);
    fn splat(value: f32) -> Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// `self * factor + addend`.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    fn max(self, other: Self) -> Self;
    /// `max(self, 0)`, but NaN stays NaN: it must not come out as a plausible logit.
    fn relu(self) -> Self;
    /// Prefetches a cache line to all levels of the cache; the address need not be valid.
    fn prefetch_l1(address: *const f32);
    /// Prefetches a cache line to the second-level cache.
    fn prefetch_l2(address: *const f32);
}

/// Code that is compiled for each instruction set.
pub trait Kernel {
    /// Runs it.
    ///
    /// # Safety
    /// The machine has `V`'s instructions. Implementations are `#[inline(always)]`.
    unsafe fn run<V: Vector>(self);
}

/// An instruction set that kernels are compiled for. Values exist only for what the machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instructions(Isa);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Isa {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// All of this machine, the widest last.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut sets = vec![Isa::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                sets.push(Isa::Avx2);
            }
            if is_x86_feature_detected!("avx512f") {
                sets.push(Isa::Avx512);
            }
        }
        sets.into_iter().map(Instructions).collect()
    }

    /// Those that an engine uses, if the machine has them.
    pub fn of_engine(engine: EngineName) -> Option<Self> {
        Self::available().into_iter().find(|instructions| instructions.engine() == engine)
    }

    /// The widest of this machine.
    pub fn best() -> Self {
        Self::available().pop().unwrap_or(Instructions(Isa::Portable))
    }

    /// The name of the engine whose plans use them.
    pub fn engine(self) -> EngineName {
        match self.0 {
            Isa::Portable => EngineName::PlanPortable,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => EngineName::PlanAvx2,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => EngineName::PlanAvx512,
        }
    }

    /// Floats of a vector.
    pub fn lanes(self) -> usize {
        match self.0 {
            Isa::Portable => Portable::LANES,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Avx512::LANES,
        }
    }

    /// Columns of a panel of packed B.
    pub fn nr(self) -> usize {
        2 * self.lanes()
    }

    /// Rows of the micro-kernel's tile.
    pub fn mr(self) -> usize {
        match self.0 {
            Isa::Portable => Portable::MR,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => Avx2::MR,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => Avx512::MR,
        }
    }

    /// Runs a kernel with these instructions.
    pub fn run(self, kernel: impl Kernel) {
        match self.0 {
            // SAFETY: needs nothing beyond what the crate is compiled for.
            Isa::Portable => unsafe { kernel.run::<Portable>() },
            // SAFETY: an Instructions of this set is only made where the machine has it.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2(kernel) },
            // SAFETY: the same.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { avx512(kernel) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(kernel: impl Kernel) {
    // SAFETY: this function's own requirement.
    unsafe { kernel.run::<Avx2>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512(kernel: impl Kernel) {
    // SAFETY: this function's own requirement.
    unsafe { kernel.run::<Avx512>() }
}

/// Code that is compiled for AVX-512 VNNI.
#[cfg(target_arch = "x86_64")]
pub trait Int8Kernel {
    /// Runs it.
    ///
    /// # Safety
    /// The machine has AVX-512 VNNI. Implementations, and what they call, are `#[inline(always)]`.
    unsafe fn run(self);
}

/// Proof that the machine has AVX-512 VNNI.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Vnni(());

#[cfg(target_arch = "x86_64")]
impl Vnni {
    /// For tests: reports that the running test is left out if the machine lacks it.
    #[cfg(test)]
    pub fn or_left_out() -> Option<Self> {
        let available = Self::available();
        if available.is_none() {
            lens_base::left_out("this processor has no AVX-512 VNNI");
        }
        available
    }

    /// None if the machine lacks it.
    pub fn available() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni")).then_some(Vnni(()))
    }

    /// Runs a kernel with it.
    pub fn run(self, kernel: impl Int8Kernel) {
        // SAFETY: a Vnni is only made where the machine has it.
        unsafe { vnni(kernel) }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vnni")]
fn vnni(kernel: impl Int8Kernel) {
    // SAFETY: this function's own requirement.
    unsafe { kernel.run() }
}

/// Four floats in the instructions that the crate is compiled for.
#[derive(Clone, Copy)]
pub struct Portable([f32; 4]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, combine: impl Fn(f32, f32) -> f32) -> Self {
        let (one, other) = (self.0, other.0);
        Portable([
            combine(one[0], other[0]),
            combine(one[1], other[1]),
            combine(one[2], other[2]),
            combine(one[3], other[3]),
        ])
    }
}

impl Vector for Portable {
    const LANES: usize = 4;
    const MR: usize = 6;

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: readable by contract; unaligned reads ask for no alignment.
        Portable(unsafe { from.cast::<[f32; 4]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: writable by contract.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Portable([value; 4])
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, |one, other| one + other)
    }
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, |one, other| one - other)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.zip(other, |one, other| one * other)
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
            let (one, factor, addend) = (self.0, factor.0, addend.0);
            return Portable([
                one[0].mul_add(factor[0], addend[0]),
                one[1].mul_add(factor[1], addend[1]),
                one[2].mul_add(factor[2], addend[2]),
                one[3].mul_add(factor[3], addend[3]),
            ]);
        }
        // Without the FMA instruction f32::mul_add would be a function call.
        self.mul(factor).add(addend)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.zip(other, |one, other| if one > other { one } else { other })
    }
    #[inline(always)]
    fn relu(self) -> Self {
        self.zip(self, |value, _| if value < 0.0 { 0.0 } else { value })
    }
    #[inline(always)]
    fn prefetch_l1(_: *const f32) {}
    #[inline(always)]
    fn prefetch_l2(_: *const f32) {}
}

/// A vector type of x86 intrinsics. Values of it are made only by kernels that `Instructions::run` runs, so the
/// machine has the instructions: that is what makes every block below sound.
#[cfg(target_arch = "x86_64")]
macro_rules! x86_vector {
    ($name:ident, $register:ident, $lanes:literal, $mr:literal, $load:ident, $store:ident, $splat:ident, $add:ident,
     $sub:ident, $mul:ident, $fma:ident, $max:ident) => {
        #[doc = concat!(stringify!($lanes), " floats.")]
        #[derive(Clone, Copy)]
        pub struct $name(std::arch::x86_64::$register);

        impl Vector for $name {
            const LANES: usize = $lanes;
            const MR: usize = $mr;

            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                // SAFETY: readable by contract; the instructions are there.
                $name(unsafe { std::arch::x86_64::$load(from) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                // SAFETY: writable by contract; the instructions are there.
                unsafe { std::arch::x86_64::$store(to, self.0) }
            }
            #[inline(always)]
            fn splat(value: f32) -> Self {
                // SAFETY: the instructions are there.
                $name(unsafe { std::arch::x86_64::$splat(value) })
            }
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: the instructions are there.
                $name(unsafe { std::arch::x86_64::$add(self.0, other.0) })
            }
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                // SAFETY: the instructions are there.
                $name(unsafe { std::arch::x86_64::$sub(self.0, other.0) })
            }
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                // SAFETY: the instructions are there.
                $name(unsafe { std::arch::x86_64::$mul(self.0, other.0) })
            }
            #[inline(always)]
            fn mul_add(self, factor: Self, addend: Self) -> Self {
                // SAFETY: the instructions are there.
                $name(unsafe { std::arch::x86_64::$fma(self.0, factor.0, addend.0) })
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: the instructions are there.
                $name(unsafe { std::arch::x86_64::$max(self.0, other.0) })
            }
            #[inline(always)]
            fn relu(self) -> Self {
                // max returns its second operand if either is NaN.
                Self::splat(0.0).max(self)
            }
            #[inline(always)]
            fn prefetch_l1(address: *const f32) {
                // SAFETY: a prefetch does not fault, whatever the address.
                unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast()) }
            }
            #[inline(always)]
            fn prefetch_l2(address: *const f32) {
                // SAFETY: a prefetch does not fault, whatever the address.
                unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T1 }>(address.cast()) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
x86_vector!(
    Avx2,
    __m256,
    8,
    6,
    _mm256_loadu_ps,
    _mm256_storeu_ps,
    _mm256_set1_ps,
    _mm256_add_ps,
    _mm256_sub_ps,
    _mm256_mul_ps,
    _mm256_fmadd_ps,
    _mm256_max_ps
);
#[cfg(target_arch = "x86_64")]
x86_vector!(
    Avx512,
    __m512,
    16,
    14,
    _mm512_loadu_ps,
    _mm512_storeu_ps,
    _mm512_set1_ps,
    _mm512_add_ps,
    _mm512_sub_ps,
    _mm512_mul_ps,
    _mm512_fmadd_ps,
    _mm512_max_ps
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Tests run for every available instruction set; those that are not are reported here.
    #[test]
    fn available_instruction_sets() {
        assert_eq!(Instructions::of_engine(EngineName::PlanPortable), Some(Instructions(Isa::Portable)));
        assert_eq!(Instructions::available().last(), Some(&Instructions::best()));
        for engine in [EngineName::PlanAvx2, EngineName::PlanAvx512] {
            if Instructions::of_engine(engine).is_none() {
                lens_base::left_out(&format!("all tests of {engine}: this processor lacks its instructions"));
            }
        }
    }
}
