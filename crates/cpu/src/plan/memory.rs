//! Buffers of f32 in memory pages of their own, large pages if they are big, and spans of them shared by the tasks of a
//! run.

use lens_base::{Result, pages};
use lens_system::{LARGE_PAGE, Pages};
use std::marker::PhantomData;

/// Size in bytes from which a buffer gets large pages: with small ones the Winograd transforms, which store to many
/// pages in turn, wait for TLB misses.
const MIN_LARGE_PAGE_BYTES: usize = 256 << 10;

/// A page-aligned buffer, zeroed at first.
#[derive(Debug)]
pub struct Buffer {
    pages: Pages,
    count: usize,
}

impl Buffer {
    /// `count` zeros.
    pub fn zeroed(count: usize) -> Result<Self> {
        let count = count.max(1);
        let bytes = count.saturating_mul(size_of::<f32>());
        let rounded = match bytes < MIN_LARGE_PAGE_BYTES {
            true => bytes,
            false => bytes.checked_next_multiple_of(LARGE_PAGE).unwrap_or(usize::MAX),
        };
        let pages = pages(rounded, "the compiled network")?;
        Ok(Buffer { pages, count })
    }

    /// Frees all but the first `count` floats, including the rest of the last large page.
    pub fn truncate(&mut self, count: usize) {
        self.count = self.count.min(count.max(1));
        self.pages.truncate(self.count * size_of::<f32>());
    }

    /// Number of floats.
    pub fn len(&self) -> usize {
        self.count
    }

    /// All floats.
    pub fn values(&self) -> &[f32] {
        // SAFETY: the pages hold `count` floats and are aligned for them; zero bytes are the float 0.
        unsafe { std::slice::from_raw_parts(self.pages.as_ptr().cast(), self.count) }
    }

    /// All floats, mutable.
    pub fn values_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above, and borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.pages.as_mut_ptr().cast(), self.count) }
    }

    /// Grows to at least `count` floats; the values are lost when it grows.
    pub fn reserve(&mut self, count: usize) -> Result<()> {
        if count > self.count {
            *self = Buffer::zeroed(count)?;
        }
        Ok(())
    }
}

/// A borrowed buffer that tasks on several threads write to concurrently, each to elements of its own; the task graph's
/// dependencies order reads after writes.
#[derive(Clone, Copy, Debug)]
pub struct Span<'a> {
    pointer: *mut f32,
    count: usize,
    lifetime: PhantomData<&'a mut Buffer>,
}

// SAFETY: only a pointer; what is done through it is unsafe and explained where it is done.
unsafe impl Send for Span<'_> {}
// SAFETY: as above.
unsafe impl Sync for Span<'_> {}

impl<'a> Span<'a> {
    /// The span of a slice.
    pub fn of(values: &'a mut [f32]) -> Self {
        Span { pointer: values.as_mut_ptr(), count: values.len(), lifetime: PhantomData }
    }

    /// `count` floats from `first` on, mutable.
    ///
    /// # Safety
    /// Nobody else accesses them while the slice lives.
    pub unsafe fn part(self, first: usize, count: usize) -> &'a mut [f32] {
        // SAFETY: within the buffer, whose floats are initialised; the caller's alone by contract.
        unsafe { std::slice::from_raw_parts_mut(self.at(first, count), count) }
    }

    /// The address of float `first`; panics unless `count` floats from there on are within the buffer.
    pub fn at(self, first: usize, count: usize) -> *mut f32 {
        assert!(
            first.checked_add(count).is_some_and(|end| end <= self.count),
            "{count} floats from {first} on in {}",
            self.count
        );
        // SAFETY: within the buffer, as was just checked.
        unsafe { self.pointer.add(first) }
    }

    /// The same for the bytes of the buffer.
    #[cfg(target_arch = "x86_64")]
    pub fn bytes(self, first: usize, count: usize) -> *mut u8 {
        let size = self.count * size_of::<f32>();
        assert!(first.checked_add(count).is_some_and(|end| end <= size), "{count} bytes from {first} on in {size}");
        // SAFETY: within the buffer, as was just checked.
        unsafe { self.pointer.cast::<u8>().add(first) }
    }
}
