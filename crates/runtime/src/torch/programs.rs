//! Compiled networks, run by libtorch.

use super::engine::{Handle, TorchEngine};
use super::library::TorchLibrary;
use super::raw::{checked, collected, logits_of};
use lens_base::{Error, Result};
use lens_engine::torch_table::RawText;
use lens_images::Images;
use std::ffi::c_void;
use std::path::Path;
use std::sync::Arc;

/// A program on an engine's device; any number of threads may run it at once.
#[derive(Debug)]
pub struct Program {
    handle: Handle,
}

impl Program {
    /// One of the graphs of an AOTInductor package. Its native code becomes part of the process.
    pub fn of_package(engine: &TorchEngine, path: &Path, name: &str, runners: usize) -> Result<Self> {
        let (table, engine) = (engine.handle().table, engine.handle().pointer()?);
        let path = path.as_os_str().as_encoded_bytes();
        // SAFETY: a live engine, texts that outlive the call, and room for the handle.
        let make = |program| unsafe {
            (table.package_program)(engine, RawText::of(path), RawText::of(name), runners, program)
        };
        Ok(Program { handle: Handle::new(table, table.program_free, make)? })
    }

    /// One logit for each image.
    pub fn logits(&self, images: &Images) -> Result<Vec<f32>> {
        let (table, pointer) = (self.handle.table, self.handle.pointer()?);
        // SAFETY: a live program, images that outlive the call, and room for one number for each.
        logits_of(table, images, |raw, logits| unsafe { (table.program_logits)(pointer, raw, logits) })
    }
}

/// A TorchScript archive.
pub struct Script {
    handle: Handle,
    metadata: String,
    quantised: bool,
}

/// A tensor: name, shape, and its values, row-major.
type NamedTensor = (String, Vec<usize>, Vec<f32>);

impl Script {
    /// Reads an archive of torch.jit.save, which executes code in it.
    pub fn read(library: &Arc<TorchLibrary>, bytes: &[u8], metadata_name: &str) -> Result<Self> {
        let table = library.table()?;
        let (mut quantised, mut handle) = (0, None);
        let metadata = collected(|sink| {
            // SAFETY: texts and a sink that outlive the call, and room for a number and the handle.
            let make = |script| unsafe {
                (table.script_read)(RawText::of(bytes), RawText::of(metadata_name), sink, &raw mut quantised, script)
            };
            handle = Some(Handle::new(table, table.script_free, make)?);
            Ok(())
        })?;
        let handle = handle.ok_or_else(|| Error::internal("a script was read without a result"))?;
        let metadata = String::from_utf8_lossy(&metadata).into_owned();
        Ok(Script { handle, metadata, quantised: quantised != 0 })
    }

    /// The metadata entry; empty if there is none.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// Whether it has quantised layers.
    pub fn is_quantised(&self) -> bool {
        self.quantised
    }

    /// Its parameters and buffers of floating point; those of quantised layers dequantised.
    pub fn tensors(&self) -> Result<Vec<NamedTensor>> {
        let (table, script) = (self.handle.table, self.handle.pointer()?);
        let mut tensors: Vec<NamedTensor> = Vec::new();
        // SAFETY: a live script; `visit` is called with `tensors` only while this call lasts.
        checked(table, unsafe { (table.script_visit)(script, (&raw mut tensors).cast(), visit) })?;
        Ok(tensors)
    }

    /// The program with its weights frozen, on an engine's device.
    pub fn program(&self, engine: &TorchEngine) -> Result<Program> {
        let (table, script) = (self.handle.table, self.handle.pointer()?);
        let engine = engine.handle().pointer()?;
        // SAFETY: a live script and a live engine, and room for the handle.
        let make = |program| unsafe { (table.script_program)(script, engine, program) };
        Ok(Program { handle: Handle::new(table, table.program_free, make)? })
    }
}

/// # Safety
/// `context` is a `Vec<NamedTensor>` that nobody else uses; name, shape and values are readable.
unsafe extern "C" fn visit(
    context: *mut c_void,
    name: RawText,
    shape: *const usize,
    dimensions: usize,
    values: *const f32,
    count: usize,
) {
    // SAFETY: by the function's contract; nothing is read where there is nothing.
    let (tensors, name, shape, values) = unsafe {
        let part = |length: usize| length > 0;
        (
            &mut *context.cast::<Vec<NamedTensor>>(),
            String::from_utf8_lossy(std::slice::from_raw_parts(name.data, name.length)).into_owned(),
            if part(dimensions) { std::slice::from_raw_parts(shape, dimensions).to_vec() } else { Vec::new() },
            if part(count) { std::slice::from_raw_parts(values, count).to_vec() } else { Vec::new() },
        )
    };
    tensors.push((name, shape, values));
}
