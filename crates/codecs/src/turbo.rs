//! libjpeg-turbo, through its interface TurboJPEG.

#![allow(unsafe_code)]

use crate::Size;
use lens_base::{Error, ErrorKind};
use std::ffi::{CStr, c_int};
use std::ptr::NonNull;
use turbojpeg_sys as turbo;

/// Scans of an image: every one is a pass over all its coefficients. Encoders make a dozen.
const MOST_SCANS: c_int = 100;

/// What libjpeg-turbo had to say.
pub struct Failure {
    pub message: String,
    /// Decoding went on, or could have.
    pub is_warning: bool,
}

/// Samples of a width, and the function that decodes to them.
pub trait Sample: Copy + Default {
    /// # Safety
    /// As of `tj3Decompress8`: `handle` is one for decompression; `coded` points to `bytes` bytes; `to` points to as many
    /// samples as the image has pixels, times those of a pixel of `format`; `pitch` is 0.
    unsafe fn decompress(handle: turbo::tjhandle, coded: &[u8], to: *mut Self, format: c_int) -> c_int;
}

/// Of 2 to 8 bits.
impl Sample for u8 {
    unsafe fn decompress(handle: turbo::tjhandle, coded: &[u8], to: *mut Self, format: c_int) -> c_int {
        // SAFETY: the caller keeps what is asked for above.
        unsafe { turbo::tj3Decompress8(handle, coded.as_ptr(), coded.len() as _, to, 0, format) }
    }
}

/// Of 9 to 12 bits; never negative.
impl Sample for i16 {
    unsafe fn decompress(handle: turbo::tjhandle, coded: &[u8], to: *mut Self, format: c_int) -> c_int {
        // SAFETY: likewise.
        unsafe { turbo::tj3Decompress12(handle, coded.as_ptr(), coded.len() as _, to, 0, format) }
    }
}

/// Of 13 to 16 bits.
impl Sample for u16 {
    unsafe fn decompress(handle: turbo::tjhandle, coded: &[u8], to: *mut Self, format: c_int) -> c_int {
        // SAFETY: likewise.
        unsafe { turbo::tj3Decompress16(handle, coded.as_ptr(), coded.len() as _, to, 0, format) }
    }
}

/// An instance of libjpeg-turbo for one image.
pub struct Decompressor(NonNull<std::ffi::c_void>);

impl Drop for Decompressor {
    fn drop(&mut self) {
        // SAFETY: the handle is that of `tj3Init`, and is given back once.
        unsafe { turbo::tj3Destroy(self.0.as_ptr()) }
    }
}

impl Decompressor {
    pub fn new() -> lens_base::Result<Self> {
        // SAFETY: takes a constant.
        let handle = unsafe { turbo::tj3Init(turbo::TJINIT_TJINIT_DECOMPRESS as c_int) };
        NonNull::new(handle)
            .map(Decompressor)
            .ok_or_else(|| Error::new(ErrorKind::OutOfMemory, "there is no memory for a JPEG decoder"))
    }

    fn failure(&self) -> Failure {
        // SAFETY: the handle is valid; the text is the instance's, ends with 0, and is copied before another call.
        let (message, code) = unsafe {
            let message = CStr::from_ptr(turbo::tj3GetErrorStr(self.0.as_ptr())).to_string_lossy().into_owned();
            (message, turbo::tj3GetErrorCode(self.0.as_ptr()))
        };
        Failure { message, is_warning: code == turbo::TJERR_TJERR_WARNING as c_int }
    }

    fn set(&mut self, parameter: turbo::TJPARAM, value: c_int) -> Result<(), Failure> {
        // SAFETY: the handle is valid; the other arguments are numbers.
        match unsafe { turbo::tj3Set(self.0.as_ptr(), parameter as c_int, value) } {
            0 => Ok(()),
            _ => Err(self.failure()),
        }
    }

    fn get(&self, parameter: turbo::TJPARAM) -> c_int {
        // SAFETY: likewise.
        unsafe { turbo::tj3Get(self.0.as_ptr(), parameter as c_int) }
    }

    /// Decodes an image of this size into as many samples: gray, red, green and blue, or cyan, magenta, yellow and black, by
    /// the number of components. What the decoder only warns of is a failure where `warnings_are_failures`.
    pub fn decode<T: Sample>(
        mut self,
        coded: &[u8],
        size: Size,
        samples: &mut [T],
        warnings_are_failures: bool,
    ) -> Result<(), Failure> {
        self.set(turbo::TJPARAM_TJPARAM_STOPONWARNING, warnings_are_failures.into())?;
        self.set(turbo::TJPARAM_TJPARAM_SCANLIMIT, MOST_SCANS)?;
        let failed = |result: c_int, failure: Failure| {
            if result == 0 || failure.is_warning && !warnings_are_failures { Ok(()) } else { Err(failure) }
        };
        // SAFETY: the handle is valid, and pointer and length are those of a slice.
        let result = unsafe { turbo::tj3DecompressHeader(self.0.as_ptr(), coded.as_ptr(), coded.len() as _) };
        failed(result, self.failure())?;
        let sides = [turbo::TJPARAM_TJPARAM_JPEGWIDTH, turbo::TJPARAM_TJPARAM_JPEGHEIGHT].map(|side| self.get(side));
        if sides.map(i64::from) != [size.width, size.height].map(i64::from) {
            let message = format!("its size is {} x {}, and {} x {}", sides[0], sides[1], size.width, size.height);
            return Err(Failure { message, is_warning: false });
        }
        let format = match size.components {
            1 => turbo::TJPF_TJPF_GRAY,
            3 => turbo::TJPF_TJPF_RGB,
            4 => turbo::TJPF_TJPF_CMYK,
            _ => unreachable!("1, 3 or 4 components"),
        };
        assert_eq!(samples.len(), size.samples());
        // SAFETY: the buffer has room for the size that libjpeg-turbo itself has read from the same bytes, at the format's
        // samples of a pixel; it is neither scaled nor cropped.
        let result = unsafe { T::decompress(self.0.as_ptr(), coded, samples.as_mut_ptr(), format as c_int) };
        failed(result, self.failure())
    }
}
