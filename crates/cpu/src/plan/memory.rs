//! Floats in memory: aligned to cache lines, on large pages when there are many, shared by the tasks of a run.

use lens_base::{Error, ErrorKind, Result};
use std::alloc::{Layout, alloc, dealloc};
use std::marker::PhantomData;
use std::ptr::NonNull;

const CACHE_LINE: usize = 64;
const LARGE_PAGE: usize = 2 << 20;
/// Bytes from which a buffer gets large pages: on small ones the transforms, whose stores go to many places at once, wait
/// for addresses to be translated.
const WORTH_LARGE_PAGES: usize = 256 << 10;

/// Zeros at first.
#[derive(Debug)]
pub struct Buffer {
    pointer: NonNull<f32>,
    count: usize,
}

// SAFETY: it owns its memory, as a Vec does.
unsafe impl Send for Buffer {}
// SAFETY: shared references to it only read, but through `Span`, which has its own contract.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// So many zeros.
    pub fn zeroed(count: usize) -> Result<Self> {
        let count = count.max(1);
        let layout = Self::layout(count);
        // SAFETY: the layout is not empty.
        let pointer = unsafe { alloc(layout) };
        let Some(pointer) = NonNull::new(pointer.cast::<f32>()) else {
            let message = format!("out of memory: {} bytes for the compiled network", layout.size());
            return Err(Error::new(ErrorKind::OutOfMemory, message));
        };
        // Before the first write, which decides what pages the range gets: that is why it is not `alloc_zeroed`.
        if layout.align() == LARGE_PAGE {
            // SAFETY: the range was just allocated and consists of whole large pages.
            unsafe { lens_system::advise_large_pages(pointer.as_ptr().cast(), layout.size()) };
        }
        // SAFETY: the layout has room for so many floats, and zero bytes are the float 0.
        unsafe { pointer.write_bytes(0, count) };
        Ok(Buffer { pointer, count })
    }

    fn layout(count: usize) -> Layout {
        let bytes = count * size_of::<f32>();
        let (bytes, align) = if bytes >= WORTH_LARGE_PAGES {
            (bytes.next_multiple_of(LARGE_PAGE), LARGE_PAGE)
        } else {
            (bytes, CACHE_LINE)
        };
        Layout::from_size_align(bytes, align).expect("buffers are far smaller than the address space")
    }

    /// How many floats.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The floats.
    pub fn values(&self) -> &[f32] {
        // SAFETY: so many initialised floats, owned.
        unsafe { std::slice::from_raw_parts(self.pointer.as_ptr(), self.count) }
    }

    /// The floats, to be changed.
    pub fn values_mut(&mut self) -> &mut [f32] {
        // SAFETY: so many initialised floats, owned and borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.as_ptr(), self.count) }
    }

    /// The floats, for several tasks at once.
    pub fn span(&mut self) -> Span<'_> {
        Span::of(self.values_mut())
    }

    /// Makes room for so many; what it held is lost when it grows.
    pub fn reserve(&mut self, count: usize) -> Result<()> {
        if count > self.count {
            *self = Buffer::zeroed(count)?;
        }
        Ok(())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { dealloc(self.pointer.as_ptr().cast(), Self::layout(self.count)) }
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
