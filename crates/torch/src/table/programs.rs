//! Table functions for compiled networks and for files that PyTorch reads.
//!
//! They are unsafe only by the table's contract.

use super::arguments::{
    borrow, borrow_mut, free, images, parameters, return_handle, slice, slice_mut, text, write, write_out,
};
use super::engine::engine_of;
use super::guard::guard;
use crate::densenet::DenseNet;
use crate::program::{Program, Script, ScriptSource, script_bytes, state_dict_bytes};
use lens_engine::torch_table::{RawImages, RawParameters, RawSink, RawText, Visit};
use lens_model::LAYOUT;
use std::ffi::c_void;
use tch::{Device, Kind, Tensor};

/// The network's last layer.
const HEAD: &str = "classifier";

pub(super) unsafe extern "C" fn script_read(
    archive: RawText,
    metadata_name: RawText,
    metadata: RawSink,
    quantised: *mut i32,
    script: *mut *mut c_void,
) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe {
            let read = Script::read(slice(archive.data, archive.length)?, text(metadata_name)?)?;
            write(metadata, read.metadata.as_bytes());
            write_out(read.quantised.into(), quantised)?;
            return_handle(read, script)
        }
    })
}

pub(super) unsafe extern "C" fn script_visit(script: *const c_void, context: *mut c_void, visit: Visit) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        let script = unsafe { borrow::<Script>(script) }?;
        script.for_each_tensor(|name, shape, values| {
            // SAFETY: the table's contract; name, shape and values are there while the visit lasts.
            unsafe { visit(context, RawText::of(name), shape.as_ptr(), shape.len(), values.as_ptr(), values.len()) };
        })
    })
}

pub(super) unsafe extern "C" fn script_program(
    script: *mut c_void,
    engine: *const c_void,
    program: *mut *mut c_void,
) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { return_handle(borrow_mut::<Script>(script)?.take_program(engine_of(engine)?)?, program) }
    })
}

pub(super) unsafe extern "C" fn script_free(script: *mut c_void) {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { free::<Script>(script) };
        Ok(())
    });
}

pub(super) unsafe extern "C" fn package_program(
    engine: *const c_void,
    path: RawText,
    name: RawText,
    runners: usize,
    program: *mut *mut c_void,
) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { return_handle(Program::of_package(engine_of(engine)?, text(path)?, text(name)?, runners)?, program) }
    })
}

pub(super) unsafe extern "C" fn program_logits(
    program: *const c_void,
    raw_images: *const RawImages,
    logits: *mut f32,
) -> i32 {
    guard(|| {
        // SAFETY: the table's contract: room for one number for each image.
        unsafe {
            let images = images(raw_images)?;
            borrow::<Program>(program)?.logits(&images, slice_mut(logits, images.len())?)
        }
    })
}

pub(super) unsafe extern "C" fn program_free(program: *mut c_void) {
    guard(|| {
        // SAFETY: the table's contract.
        unsafe { free::<Program>(program) };
        Ok(())
    });
}

pub(super) unsafe extern "C" fn script_write(
    values: RawParameters,
    source: RawText,
    int8_head: i32,
    metadata_name: RawText,
    metadata: RawText,
    archive: RawSink,
) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        let (values, source, metadata) =
            unsafe { (parameters(values)?, text(source)?, (text(metadata_name)?, text(metadata)?)) };
        let network = DenseNet::of_values(values, Device::Cpu)?;
        let script = ScriptSource { source, int8_head: (int8_head != 0).then_some(HEAD), metadata };
        let bytes = script_bytes(&named(&network), &script)?;
        // SAFETY: the table's contract.
        unsafe { write(archive, &bytes) };
        Ok(())
    })
}

pub(super) unsafe extern "C" fn state_dict_write(
    values: RawParameters,
    metadata_name: RawText,
    metadata: RawText,
    archive: RawSink,
) -> i32 {
    guard(|| {
        // SAFETY: the table's contract.
        let (values, metadata) = unsafe { (parameters(values)?, (text(metadata_name)?, text(metadata)?)) };
        let network = DenseNet::of_values(values, Device::Cpu)?;
        let counts: Vec<String> = LAYOUT.batch_counts().collect();
        let zero = Tensor::f_zeros([] as [i64; 0], (Kind::Int64, Device::Cpu))?;
        let mut tensors = named(&network);
        // torchvision refuses a state dict without them.
        tensors.extend(counts.iter().map(|name| (name.as_str(), &zero)));
        let bytes = state_dict_bytes(&tensors, metadata)?;
        // SAFETY: the table's contract.
        unsafe { write(archive, &bytes) };
        Ok(())
    })
}

fn named(network: &DenseNet<Tensor>) -> Vec<(&str, &Tensor)> {
    LAYOUT.parameters().iter().map(|spec| spec.name.as_str()).zip(network.parameters()).collect()
}
