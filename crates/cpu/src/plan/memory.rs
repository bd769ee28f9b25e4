//! Floats in memory: in pages of their own, large ones when there are many, shared by the tasks of a run.

use lens_base::{Result, pages};
use lens_system::{LARGE_PAGE, Pages};
use std::marker::PhantomData;

/// Bytes from which a buffer gets large pages: on small ones the transforms, whose stores go to many places at once, wait
/// for addresses to be translated.
const WORTH_LARGE_PAGES: usize = 256 << 10;

/// Zeros at first, at the beginning of a page.
#[derive(Debug)]
pub struct Buffer {
    pages: Pages,
    count: usize,
}

impl Buffer {
    /// So many zeros.
    pub fn zeroed(count: usize) -> Result<Self> {
        let count = count.max(1);
        let bytes = count.saturating_mul(size_of::<f32>());
        let rounded = match bytes < WORTH_LARGE_PAGES {
            true => bytes,
            false => bytes.checked_next_multiple_of(LARGE_PAGE).unwrap_or(usize::MAX),
        };
        let pages = pages(rounded, "the compiled network")?;
        Ok(Buffer { pages, count })
    }

    /// Gives back all but the first floats, also what the last large page has beyond them.
    pub fn truncate(&mut self, count: usize) {
        self.count = self.count.min(count.max(1));
        self.pages.truncate(self.count * size_of::<f32>());
    }

    /// How many floats.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The floats.
    pub fn values(&self) -> &[f32] {
        // SAFETY: the pages have room for so many floats and begin at an address of theirs; zero bytes are the float 0.
        unsafe { std::slice::from_raw_parts(self.pages.as_ptr().cast(), self.count) }
    }

    /// The floats, to be changed.
    pub fn values_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above, and borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.pages.as_mut_ptr().cast(), self.count) }
    }

    /// Makes room for so many; what it held is lost when it grows.
    pub fn reserve(&mut self, count: usize) -> Result<()> {
        if count > self.count {
            *self = Buffer::zeroed(count)?;
        }
        Ok(())
    }
}

/// A borrowed buffer that tasks on several threads write to at once, each to places of its own; the schedule sees to
/// that, and to reading only after writing.
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
    /// Of any floats.
    pub fn of(values: &'a mut [f32]) -> Self {
        Span { pointer: values.as_mut_ptr(), count: values.len(), lifetime: PhantomData }
    }

    /// `count` floats from `first` on, to be changed.
    ///
    /// # Safety
    /// Nobody else has them while the slice lives.
    pub unsafe fn part(self, first: usize, count: usize) -> &'a mut [f32] {
        // SAFETY: within the buffer, whose floats are initialised; the caller's alone by contract.
        unsafe { std::slice::from_raw_parts_mut(self.at(first, count), count) }
    }

    /// The address of float `first`, from which `count` floats lie in the buffer.
    pub fn at(self, first: usize, count: usize) -> *mut f32 {
        assert!(
            first.checked_add(count).is_some_and(|end| end <= self.count),
            "{count} floats from {first} on in {}",
            self.count
        );
        // SAFETY: within the buffer, as was just checked.
        unsafe { self.pointer.add(first) }
    }

    /// The same for bytes, which its floats are made of.
    #[cfg(target_arch = "x86_64")]
    pub fn bytes(self, first: usize, count: usize) -> *mut u8 {
        let size = self.count * size_of::<f32>();
        assert!(first.checked_add(count).is_some_and(|end| end <= size), "{count} bytes from {first} on in {size}");
        // SAFETY: within the buffer, as was just checked.
        unsafe { self.pointer.cast::<u8>().add(first) }
    }
}
