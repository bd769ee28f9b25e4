//! Vectors of floats of three instruction sets behind one interface, and the choice among them at run time.
//!
//! A kernel is written once, over `Vector`; `Instructions::run` compiles it for each set. For that everything a kernel
//! calls is `#[inline(always)]`: only then the code ends up inside the function that has the instructions enabled. Kernels
//! of bytes exist for one set only, `Vnni`.

use lens_engine::EngineName;

/// Floats that are computed with at once.
pub trait Vector: Copy {
    /// How many there are.
    const LANES: usize;
    /// Rows of the tile of a matrix product that the registers hold, two vectors wide.
    const ROWS: usize;

    /// # Safety
    /// `LANES` floats are readable there.
    unsafe fn load(from: *const f32) -> Self;
    /// # Safety
    /// `LANES` floats are writable there.
    unsafe fn store(self, to: *mut f32);
    fn splat(value: f32) -> Self;
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    /// `self * factor + addend`.
    fn times_plus(self, factor: Self, addend: Self) -> Self;
    fn largest(self, other: Self) -> Self;
    /// NaN stays NaN: it must not come out as a plausible logit.
    fn relu(self) -> Self;
    /// Asks for the cache line of an address, which need not be valid.
    fn prefetch(address: *const f32);
    /// The same, to the second-level cache.
    fn prefetch_far(address: *const f32);
}

/// Work that is compiled for each instruction set.
pub trait Kernel {
    /// Does it.
    ///
    /// # Safety
    /// The machine has `V`'s instructions. Implementations are `#[inline(always)]`.
    unsafe fn run<V: Vector>(self);
}

/// Which instructions the plan computes with. Values exist only for what the machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instructions(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// All that this machine has, the widest last.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut)]
        let mut sets = vec![Set::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                sets.push(Set::Avx2);
            }
            if is_x86_feature_detected!("avx512f") {
                sets.push(Set::Avx512);
            }
        }
        sets.into_iter().map(Instructions).collect()
    }

    /// Those of an engine, where the machine has them.
    pub fn of_engine(engine: EngineName) -> Option<Self> {
        Self::available().into_iter().find(|instructions| instructions.engine() == engine)
    }

    /// The widest that there are.
    pub fn best() -> Self {
        Self::available().pop().unwrap_or(Instructions(Set::Portable))
    }

    /// The engine that a plan with them is.
    pub fn engine(self) -> EngineName {
        match self.0 {
            Set::Portable => EngineName::PlanPortable,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => EngineName::PlanAvx2,
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => EngineName::PlanAvx512,
        }
    }

    /// Floats of a vector.
    pub fn lanes(self) -> usize {
        match self.0 {
            Set::Portable => Portable::LANES,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => Avx2::LANES,
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => Avx512::LANES,
        }
    }

    /// Rows of a tile of a matrix product.
    pub fn rows(self) -> usize {
        match self.0 {
            Set::Portable => Portable::ROWS,
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => Avx2::ROWS,
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => Avx512::ROWS,
        }
    }

    /// Runs a kernel with these instructions.
    pub fn run(self, kernel: impl Kernel) {
        match self.0 {
            // SAFETY: needs nothing beyond what the crate is compiled for.
            Set::Portable => unsafe { kernel.run::<Portable>() },
            // SAFETY: an Instructions of this set is only made where the machine has it.
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => unsafe { avx2(kernel) },
            // SAFETY: the same.
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => unsafe { avx512(kernel) },
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

/// Work that is compiled for AVX-512 with sums of products of bytes.
#[cfg(target_arch = "x86_64")]
pub trait BytesKernel {
    /// Does it.
    ///
    /// # Safety
    /// The machine has AVX-512 VNNI. Implementations, and what they call, are `#[inline(always)]`.
    unsafe fn run(self);
}

/// AVX-512 VNNI. A value exists only where the machine has it.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Vnni(());

#[cfg(target_arch = "x86_64")]
impl Vnni {
    /// Where the machine has it.
    pub fn available() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni")).then_some(Vnni(()))
    }

    /// Runs a kernel with it.
    pub fn run(self, kernel: impl BytesKernel) {
        // SAFETY: a Vnni is only made where the machine has it.
        unsafe { vnni(kernel) }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vnni")]
fn vnni(kernel: impl BytesKernel) {
    // SAFETY: this function's own requirement.
    unsafe { kernel.run() }
}

/// Four floats of whatever the crate is compiled for.
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
    const ROWS: usize = 6;

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
    fn plus(self, other: Self) -> Self {
        self.zip(other, |one, other| one + other)
    }
    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        self.zip(other, |one, other| one - other)
    }
    #[inline(always)]
    fn times(self, other: Self) -> Self {
        self.zip(other, |one, other| one * other)
    }
    #[inline(always)]
    fn times_plus(self, factor: Self, addend: Self) -> Self {
        if cfg!(any(target_feature = "fma", target_arch = "aarch64")) {
            let (one, factor, addend) = (self.0, factor.0, addend.0);
            return Portable([
                one[0].mul_add(factor[0], addend[0]),
                one[1].mul_add(factor[1], addend[1]),
                one[2].mul_add(factor[2], addend[2]),
                one[3].mul_add(factor[3], addend[3]),
            ]);
        }
        // Without the instruction mul_add would be a function call.
        self.times(factor).plus(addend)
    }
    #[inline(always)]
    fn largest(self, other: Self) -> Self {
        self.zip(other, |one, other| if one > other { one } else { other })
    }
    #[inline(always)]
    fn relu(self) -> Self {
        self.zip(self, |value, _| if value < 0.0 { 0.0 } else { value })
    }
    #[inline(always)]
    fn prefetch(_: *const f32) {}
    #[inline(always)]
    fn prefetch_far(_: *const f32) {}
}

/// A vector type of x86 intrinsics. Values of it are made only by kernels that `Instructions::run` runs, so the
/// machine has the instructions: that is what makes every block below sound.
#[cfg(target_arch = "x86_64")]
macro_rules! x86_vector {
    ($name:ident, $register:ident, $lanes:literal, $rows:literal, $load:ident, $store:ident, $splat:ident, $add:ident,
     $sub:ident, $mul:ident, $fma:ident, $max:ident) => {
        #[doc = concat!(stringify!($lanes), " floats.")]
        #[derive(Clone, Copy)]
        pub struct $name(std::arch::x86_64::$register);

        impl Vector for $name {
            const LANES: usize = $lanes;
            const ROWS: usize = $rows;

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
            fn plus(self, other: Self) -> Self {
                // SAFETY: the instructions are there.
                $name(unsafe { std::arch::x86_64::$add(self.0, other.0) })
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                // SAFETY: the instructions are there.
                $name(unsafe { std::arch::x86_64::$sub(self.0, other.0) })
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                // SAFETY: the instructions are there.
                $name(unsafe { std::arch::x86_64::$mul(self.0, other.0) })
            }
            #[inline(always)]
            fn times_plus(self, factor: Self, addend: Self) -> Self {
                // SAFETY: the instructions are there.
                $name(unsafe { std::arch::x86_64::$fma(self.0, factor.0, addend.0) })
            }
            #[inline(always)]
            fn largest(self, other: Self) -> Self {
                // SAFETY: the instructions are there.
                $name(unsafe { std::arch::x86_64::$max(self.0, other.0) })
            }
            #[inline(always)]
            fn relu(self) -> Self {
                // The second operand comes back when one is NaN.
                Self::splat(0.0).largest(self)
            }
            #[inline(always)]
            fn prefetch(address: *const f32) {
                // SAFETY: a prefetch does not fault, whatever the address.
                unsafe { std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(address.cast()) }
            }
            #[inline(always)]
            fn prefetch_far(address: *const f32) {
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
