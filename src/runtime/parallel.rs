//! Work on libtorch's own threads, and the convolutions that libtorch computes for it there.

use super::torch::{catch, checked};
use crate::error::{Error, Result};
use parking_lot::Mutex;
use std::ffi::{c_int, c_void};
use std::ops::Range;
use tch::{Device, Kind, Tensor};

/// How many threads libtorch computes with.
pub fn threads() -> usize {
    usize::try_from(tch::get_num_threads()).unwrap_or(1).max(1)
}

/// `count` things in as many parts of equal size as there are threads, but no empty ones.
pub fn parts(count: usize) -> Vec<Range<usize>> {
    let parts = threads().min(count);
    (0..parts).map(|part| count * part / parts..count * (part + 1) / parts).collect()
}

/// Cuts a slice of rows of equal length at the bounds of `parts`, which follow each other from 0.
pub fn split_rows<'a, T>(mut rows: &'a mut [T], length: usize, parts: &[Range<usize>]) -> Vec<&'a mut [T]> {
    parts
        .iter()
        .map(|part| {
            let (first, rest) = std::mem::take(&mut rows).split_at_mut(part.len() * length);
            rows = rest;
            first
        })
        .collect()
}

struct Shared<'a, T, F> {
    jobs: *mut T,
    work: &'a F,
    failure: Mutex<Option<Error>>,
}

unsafe extern "C" fn run_job<T: Send, F: Fn(&mut T) -> Result<()> + Sync>(context: *mut c_void, index: i64) {
    // SAFETY: for_each_job passes its Shared<T, F>, which outlives the call, and indices below its number of jobs, each
    // once: no other thread has this job.
    let (shared, job) = unsafe {
        let shared = &*context.cast::<Shared<T, F>>();
        (shared, &mut *shared.jobs.add(index as usize))
    };
    if let Err(error) = catch(|| (shared.work)(job)) {
        shared.failure.lock().get_or_insert(error);
    }
}

/// Runs `work` once for each job, in libtorch's thread pool; one of the errors comes back, if there are any.
pub fn for_each_job<T: Send, F: Fn(&mut T) -> Result<()> + Sync>(jobs: &mut [T], work: F) -> Result<()> {
    let mut shared = Shared { jobs: jobs.as_mut_ptr(), work: &work, failure: Mutex::new(None) };
    // SAFETY: run_job gets what it expects, and neither unwinds nor is called after this returns.
    checked(unsafe { lens_ext_parallel(jobs.len() as i64, run_job::<T, F>, (&raw mut shared).cast::<c_void>()) })?;
    shared.failure.into_inner().map_or(Ok(()), Err)
}

/// Images x rows x columns x channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Images.
    pub images: usize,
    /// Of each.
    pub height: usize,
    /// Of each.
    pub width: usize,
    /// Numbers of each pixel.
    pub channels: usize,
}

impl Shape {
    /// Of one image.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Of all images.
    pub fn rows(self) -> usize {
        self.images * self.pixels()
    }

    /// Numbers in all.
    pub fn len(self) -> usize {
        self.rows() * self.channels
    }
}

/// Stride and padding of a square convolution.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Step.
    pub stride: i64,
    /// Zeros around.
    pub padding: i64,
}

/// A tensor that reads the slice: channels last, as libtorch's N x C x H x W.
fn view(values: &[f32], shape: Shape) -> Result<Tensor> {
    assert!(values.len() >= shape.len(), "{shape:?} in {} numbers", values.len());
    let Shape { images, height, width, channels } = shape;
    let sizes = [images, channels, height, width].map(|size| size as i64);
    let strides = [height * width * channels, 1, width * channels, channels].map(|step| step as i64);
    // SAFETY: the slice holds what the sizes and strides reach, and the callers, all in this file, drop the tensor before
    // the slice's borrow ends.
    Ok(unsafe { Tensor::f_from_blob(values.as_ptr().cast(), &sizes, &strides, Kind::Float, Device::Cpu) }?)
}

/// The numbers of a single-precision CPU tensor that lie without gaps in the order of its last dimension or, with four
/// dimensions, channels last.
pub fn floats(tensor: &Tensor) -> Result<&[f32]> {
    check_floats(tensor)?;
    // SAFETY: so many numbers lie there, as long as the tensor lives and nothing writes to it.
    Ok(unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<f32>(), tensor.numel()) })
}

/// `floats` to be changed.
pub fn floats_mut(tensor: &mut Tensor) -> Result<&mut [f32]> {
    check_floats(tensor)?;
    // SAFETY: as in `floats`; the unique borrow keeps this crate from reading meanwhile.
    Ok(unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast::<f32>(), tensor.numel()) })
}

fn check_floats(tensor: &Tensor) -> Result<()> {
    let dense = match tensor.dim() {
        4 => tensor.permute([0, 2, 3, 1]).is_contiguous(),
        _ => tensor.is_contiguous(),
    };
    if tensor.f_kind()? == Kind::Float && tensor.device() == Device::Cpu && dense && tensor.numel() > 0 {
        return Ok(());
    }
    let (kind, device, size) = (tensor.f_kind()?, tensor.device(), tensor.size());
    Err(Error::internal(format!(
        "a tensor of {kind:?} on {device:?}, {size:?}, is not dense single precision on the CPU"
    )))
}

/// A convolution without bias of images that lie channels last; so does the result.
pub fn convolution(input: &[f32], shape: Shape, weight: &Tensor, window: Window) -> Result<Tensor> {
    let _guard = tch::no_grad_guard();
    let output = view(input, shape)?.f_conv2d::<&Tensor>(weight, None, window.stride, window.padding, 1, 1)?;
    channels_last(&output)
}

/// The same images, channels last in memory.
pub fn channels_last(tensor: &Tensor) -> Result<Tensor> {
    Ok(tensor.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])?)
}

/// Gradients of such a convolution: of its input, if wanted, and of its weight, all channels last.
pub fn convolution_backward(
    (gradient, gradient_shape): (&[f32], Shape),
    (input, shape): (&[f32], Shape),
    weight: &Tensor,
    window: Window,
    of_input: bool,
) -> Result<(Option<Tensor>, Tensor)> {
    let (gradient, input) = (view(gradient, gradient_shape)?, view(input, shape)?);
    let (mut input_gradient, mut weight_gradient) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: three live tensors; the function writes new tensors to the two pointers, or fails.
    checked(unsafe {
        lens_ext_convolution_backward(
            gradient.as_ptr().cast(),
            input.as_ptr().cast(),
            weight.as_ptr().cast(),
            window.stride,
            window.padding,
            if of_input { &raw mut input_gradient } else { std::ptr::null_mut() },
            &raw mut weight_gradient,
        )
    })?;
    // SAFETY: tch's tensor is a pointer to an at::Tensor on the heap, which these are, and owned by nobody else.
    let owned = |pointer: *mut c_void| channels_last(&unsafe { Tensor::from_ptr(pointer.cast()) });
    let input_gradient = if of_input { Some(owned(input_gradient)?) } else { None };
    Ok((input_gradient, owned(weight_gradient)?))
}

unsafe extern "C" {
    fn lens_ext_parallel(count: i64, task: unsafe extern "C" fn(*mut c_void, i64), context: *mut c_void) -> c_int;
    fn lens_ext_convolution_backward(
        gradient: *const c_void,
        input: *const c_void,
        weight: *const c_void,
        stride: i64,
        padding: i64,
        input_gradient: *mut *mut c_void,
        weight_gradient: *mut *mut c_void,
    ) -> c_int;
}
