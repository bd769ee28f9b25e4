//! Compiled networks, run by libtorch: TorchScript programs and AOTInductor packages.

use crate::backend::provide_libtorch_soname;
use crate::engine::TorchEngine;
use crate::error::{Error, Result};
use crate::torch::{c_string, checked, copy_to_slice};
use lens_base::ErrorKind;
use lens_images::Images;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::Arc;
use tch::{Device, Kind, Tensor};

/// A program object of the C++ code.
#[derive(Debug)]
struct ProgramHandle(*mut c_void);

// SAFETY: libtorch's interpreter keeps nothing between calls in a frozen program, and a package has runners that calls
// wait for; both may be used and freed on any thread.
unsafe impl Send for ProgramHandle {}
// SAFETY: as above.
unsafe impl Sync for ProgramHandle {}

impl Drop for ProgramHandle {
    fn drop(&mut self) {
        // SAFETY: from one of the loading functions, and freed once.
        unsafe { lens_ext_program_free(self.0) };
    }
}

/// A program on an engine's device; any number of threads may run it concurrently.
#[derive(Debug)]
pub(crate) struct Program {
    engine: Arc<TorchEngine>,
    handle: ProgramHandle,
}

impl Program {
    /// One of the graphs of an AOTInductor package. Its native code becomes part of the process.
    pub fn of_package(engine: &Arc<TorchEngine>, path: &str, name: &str, runners: usize) -> Result<Self> {
        engine.enter()?;
        provide_libtorch_soname().map_err(Error::internal)?;
        let (path, name) = (c_string(path)?, c_string(name)?);
        let index = engine.settings().gpu.map_or(-1, |index| index as c_int);
        let mut program = std::ptr::null_mut();
        // SAFETY: two C strings, and room for a pointer.
        checked(unsafe { lens_ext_package_load(path.as_ptr(), name.as_ptr(), runners, index, &raw mut program) })?;
        Ok(Program { engine: Arc::clone(engine), handle: ProgramHandle(program) })
    }

    /// One logit for each image.
    pub fn logits(&self, images: &Images, logits: &mut [f32]) -> Result<()> {
        if images.is_empty() {
            return Ok(());
        }
        let _guard = tch::no_grad_guard();
        self.engine.with_input(images, |input| copy_to_slice(&self.run(input)?, logits))
    }

    fn run(&self, input: &Tensor) -> Result<Tensor> {
        let mut output = std::ptr::null_mut();
        // SAFETY: a live program and a live tensor, and room for a pointer.
        checked(unsafe { lens_ext_program_run(self.handle.0, input.as_ptr().cast(), &raw mut output) })?;
        // SAFETY: a new tensor, which is taken over here.
        let output = unsafe { Tensor::from_ptr(output.cast()) };
        let images = input.size()[0];
        if output.numel() as i64 != images {
            return Err(Error::internal(format!(
                "the compiled network gives a tensor of {:?} for {images} images, not one number for each",
                output.size()
            )));
        }
        Ok(output)
    }
}

/// A TorchScript program that was read.
#[derive(Debug)]
pub(crate) struct Script {
    /// None after `take_program`.
    handle: Option<ProgramHandle>,
    /// The metadata entry of the archive; empty if there is none.
    pub metadata: String,
    /// Parameters and buffers by name; those of quantised layers dequantised.
    pub tensors: Vec<(String, Tensor)>,
    /// Whether there are quantised layers.
    pub quantised: bool,
}

impl Script {
    /// Reads an archive of torch.jit.save.
    pub fn read(bytes: &[u8], metadata_name: &str) -> Result<Self> {
        let metadata_name = c_string(metadata_name)?;
        let mut program = std::ptr::null_mut();
        // SAFETY: a readable slice, a C string, and room for a pointer.
        checked(unsafe {
            lens_ext_script_read(bytes.as_ptr().cast(), bytes.len(), metadata_name.as_ptr(), &raw mut program)
        })?;
        let mut script = Script {
            handle: Some(ProgramHandle(program)),
            metadata: String::new(),
            tensors: Vec::new(),
            quantised: false,
        };
        let visited = (&raw mut script).cast();
        // SAFETY: a live script; `visit` is called with `script` only while this call lasts, and leaves `handle` alone.
        checked(unsafe { lens_ext_script_visit(program, visited, visit) })?;
        Ok(script)
    }

    /// Calls `visit_tensor` with the name, shape and values, row-major, of each tensor of floating point.
    pub fn for_each_tensor(&self, mut visit_tensor: impl FnMut(&str, &[usize], &[f32])) -> Result<()> {
        for (name, tensor) in self.tensors.iter().filter(|(_, tensor)| tensor.is_floating_point()) {
            let shape: Vec<usize> = tensor.size().into_iter().map(|side| side as usize).collect();
            let mut values = vec![0.0; tensor.numel()];
            copy_to_slice(tensor, &mut values)?;
            visit_tensor(name, &shape, &values);
        }
        Ok(())
    }

    /// The program with frozen weights, optimised for the device; once.
    pub fn take_program(&mut self, engine: &Arc<TorchEngine>) -> Result<Program> {
        if self.quantised && engine.device() != Device::Cpu {
            return Err(Error::new(ErrorKind::Unsupported, "libtorch computes with its 8-bit weights on the CPU only"));
        }
        engine.enter()?;
        let handle = self
            .handle
            .take()
            .ok_or_else(|| Error::argument("the script was made ready to run before, and is gone"))?;
        let device_tensor = Tensor::f_zeros([1], (Kind::Float, engine.device()))?;
        // SAFETY: a live script that no one else has, and a live tensor.
        checked(unsafe { lens_ext_script_optimize(handle.0, device_tensor.as_ptr().cast()) })?;
        Ok(Program { engine: Arc::clone(engine), handle })
    }
}

/// # Safety
/// `script` is a `Script` that nobody else uses, `name` a C string, and `tensor` null or a new tensor.
unsafe extern "C" fn visit(script: *mut c_void, name: *const c_char, tensor: *mut c_void, quantised: c_int) {
    // SAFETY: by the function's contract.
    let (script, name) = unsafe { (&mut *script.cast::<Script>(), CStr::from_ptr(name)) };
    let name = name.to_string_lossy().into_owned();
    if tensor.is_null() {
        script.metadata = name;
    } else {
        // SAFETY: a new tensor, which is taken over here.
        script.tensors.push((name, unsafe { Tensor::from_ptr(tensor.cast()) }));
        script.quantised |= quantised != 0;
    }
}

/// Contents of a TorchScript archive.
pub(crate) struct ScriptSource<'a> {
    /// Definition of `forward(self, image)`. It may call operators of torch and quantized.
    pub source: &'a str,
    /// A linear layer to be dynamically quantised. `source` uses its `_packed_params._packed_params`.
    pub int8_head: Option<&'a str>,
    /// Name and content of the metadata entry.
    pub metadata: (&'a str, &'a str),
}

/// The bytes of a TorchScript archive.
pub(crate) fn script_bytes(tensors: &[(&str, &Tensor)], script: &ScriptSource) -> Result<Vec<u8>> {
    let arguments = NamedTensors::of(tensors)?;
    let source = c_string(script.source)?;
    let head = script.int8_head.map(c_string).transpose()?;
    let (metadata_name, metadata) = (c_string(script.metadata.0)?, c_string(script.metadata.1)?);
    let mut bytes = Vec::<u8>::new();
    // SAFETY: as many names and live tensors as the count says, C strings, and `append_bytes` is called with `bytes` only while
    // this call lasts.
    checked(unsafe {
        lens_ext_script_write(
            arguments.names.as_ptr(),
            arguments.tensors.as_ptr(),
            arguments.names.len(),
            source.as_ptr(),
            head.as_ref().map_or(std::ptr::null(), |head| head.as_ptr()),
            metadata_name.as_ptr(),
            metadata.as_ptr(),
            (&raw mut bytes).cast(),
            append_bytes,
        )
    })?;
    Ok(bytes)
}

/// The bytes that torch.save() would write of a dict of tensors, with the metadata as one more entry.
pub(crate) fn state_dict_bytes(tensors: &[(&str, &Tensor)], metadata: (&str, &str)) -> Result<Vec<u8>> {
    let arguments = NamedTensors::of(tensors)?;
    let (metadata_name, metadata) = (c_string(metadata.0)?, c_string(metadata.1)?);
    let mut bytes = Vec::<u8>::new();
    // SAFETY: as in `script_bytes`.
    checked(unsafe {
        lens_ext_state_dict_write(
            arguments.names.as_ptr(),
            arguments.tensors.as_ptr(),
            arguments.names.len(),
            metadata_name.as_ptr(),
            metadata.as_ptr(),
            (&raw mut bytes).cast(),
            append_bytes,
        )
    })?;
    Ok(bytes)
}

/// Names and tensors as C arrays.
struct NamedTensors {
    names: Vec<*const c_char>,
    tensors: Vec<*const c_void>,
    /// Owns the strings of `names`.
    _owned: Vec<CString>,
}

impl NamedTensors {
    fn of(tensors: &[(&str, &Tensor)]) -> Result<Self> {
        let owned = tensors.iter().map(|(name, _)| c_string(name)).collect::<Result<Vec<_>>>()?;
        Ok(NamedTensors {
            names: owned.iter().map(|name| name.as_ptr()).collect(),
            tensors: tensors.iter().map(|(_, tensor)| tensor.as_ptr().cast()).collect(),
            _owned: owned,
        })
    }
}

/// # Safety
/// `bytes` is a `Vec<u8>` that nobody else uses, and `data` points to as many readable bytes as the count says.
unsafe extern "C" fn append_bytes(bytes: *mut c_void, data: *const c_char, size: usize) {
    // SAFETY: by the function's contract.
    unsafe { (*bytes.cast::<Vec<u8>>()).extend_from_slice(std::slice::from_raw_parts(data.cast(), size)) };
}

type Visit = unsafe extern "C" fn(*mut c_void, *const c_char, *mut c_void, c_int);
type WriteBytes = unsafe extern "C" fn(*mut c_void, *const c_char, usize);

unsafe extern "C" {
    fn lens_ext_script_read(
        bytes: *const c_char,
        size: usize,
        metadata_name: *const c_char,
        program: *mut *mut c_void,
    ) -> c_int;
    fn lens_ext_script_visit(program: *const c_void, context: *mut c_void, visit: Visit) -> c_int;
    fn lens_ext_script_optimize(program: *mut c_void, device_tensor: *const c_void) -> c_int;
    fn lens_ext_package_load(
        path: *const c_char,
        name: *const c_char,
        runners: usize,
        device: c_int,
        program: *mut *mut c_void,
    ) -> c_int;
    fn lens_ext_program_run(program: *mut c_void, input: *const c_void, output: *mut *mut c_void) -> c_int;
    fn lens_ext_program_free(program: *mut c_void);
    fn lens_ext_script_write(
        names: *const *const c_char,
        tensors: *const *const c_void,
        count: usize,
        source: *const c_char,
        int8_head: *const c_char,
        metadata_name: *const c_char,
        metadata: *const c_char,
        context: *mut c_void,
        write: WriteBytes,
    ) -> c_int;
    fn lens_ext_state_dict_write(
        names: *const *const c_char,
        tensors: *const *const c_void,
        count: usize,
        metadata_name: *const c_char,
        metadata: *const c_char,
        context: *mut c_void,
        write: WriteBytes,
    ) -> c_int;
}
