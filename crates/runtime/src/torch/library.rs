//! The library with libtorch: searched, loaded once for the process, and checked.

use super::raw::{checked, collected, json, raw_parameters};
use lens_base::{Error, ErrorKind, Result};
use lens_engine::GpuReport;
use lens_engine::torch_table::{
    ENTRY_NAME, Entry, LIBTORCH_VERSION, LibtorchInformation, RawText, TABLE_VERSION, TorchTable,
};
use lens_model::Parameters;
use lens_system::fork::{Mutex, generation};
use lens_system::probe::Vendor;
use lens_system::{Library, Scope, directory_of};
use once_cell::race::OnceBox;
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// File name.
const NAME: &str = "liblesionlens_torch.so";
/// Advice for when it is missing.
const ADVICE: &str =
    "build it with `make torch`, or install the package that brings it (`pip install 'lesionlens[torch]'`)";

/// The loaded library.
pub struct TorchLibrary {
    table: &'static TorchTable,
    information: LibtorchInformation,
}

impl std::fmt::Debug for TorchLibrary {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TorchLibrary").field("information", &self.information).finish_non_exhaustive()
    }
}

/// Loaded once for the process and never unloaded.
static LOADED: OnceBox<Mutex<Option<Arc<TorchLibrary>>>> = OnceBox::new();

/// The process that began to load it, as [`generation`] numbers them; 0: none did.
static LOADED_IN: AtomicU32 = AtomicU32::new(0);

/// Fails in the child of a process that loaded libtorch: threads of OpenMP are not there, and a GPU does not follow a fork.
pub(super) fn check_process() -> Result<()> {
    let loaded_in = LOADED_IN.load(Ordering::Acquire);
    if loaded_in == 0 || loaded_in == generation() {
        return Ok(());
    }
    let message = "libtorch was loaded before this process was forked, and does not work in the child of a fork: fork before \
                   anything needs libtorch, start processes anew (in Python, multiprocessing's \"spawn\"), or use the CPU's \
                   own engine";
    Err(Error::new(ErrorKind::Unsupported, message))
}

impl TorchLibrary {
    /// The one that is loaded.
    pub fn loaded() -> Option<Arc<Self>> {
        LOADED.get_or_init(Box::default).lock().clone()
    }

    /// Loads it if needed. It and libtorch are searched in `directory`, if given, then beside the library that contains
    /// this code, then by the dynamic linker. libtorch must be that of `directory`, in which its GPU libraries are
    /// searched, too.
    pub fn open(directory: Option<&Path>) -> Result<Arc<Self>> {
        check_process()?;
        let mut loaded = LOADED.get_or_init(Box::default).lock();
        LOADED_IN.store(generation(), Ordering::Release);
        let table = match &*loaded {
            Some(library) => library.table,
            None => {
                if let Some(directory) = directory {
                    preload(directory)?;
                }
                table(find(directory)?)?
            }
        };
        let information = information(table, directory)?;
        Ok(Arc::clone(loaded.insert(Arc::new(TorchLibrary { table, information }))))
    }

    /// Its table of functions.
    pub(super) fn table(&self) -> Result<&'static TorchTable> {
        check_process()?;
        Ok(self.table)
    }

    /// The libtorch it uses, and the GPU libraries in the directory that was named last.
    pub fn information(&self) -> &LibtorchInformation {
        &self.information
    }

    /// Sets variables that are not set, before the runtime of a GPU is loaded.
    pub fn set_environment(&self, variables: &BTreeMap<String, String>) -> Result<()> {
        let variables = json(variables)?;
        let table = self.table()?;
        // SAFETY: text that outlives the call.
        checked(table, unsafe { (table.set_environment)(RawText::of(&variables)) })
    }

    /// Loads libtorch's GPU library, asks its runtime, and runs a test computation.
    pub fn open_gpu(&self, vendor: Vendor, index: i32) -> Result<GpuReport> {
        let table = self.table()?;
        let report = collected(|sink| {
            // SAFETY: numbers, and a sink that outlives the call.
            checked(table, unsafe { (table.open_gpu)(vendor as u32, index, sink) })
        })?;
        parsed(&report)
    }

    /// The bytes of a TorchScript archive of a network; `source` defines `forward(self, image)`.
    pub fn script_bytes(
        &self,
        parameters: &Parameters,
        source: &str,
        int8_head: bool,
        (metadata_name, metadata): (&str, &str),
    ) -> Result<Vec<u8>> {
        let table = self.table()?;
        collected(|sink| {
            // SAFETY: numbers, texts and a sink that outlive the call.
            checked(table, unsafe {
                (table.script_write)(
                    raw_parameters(parameters.all()),
                    RawText::of(source),
                    i32::from(int8_head),
                    RawText::of(metadata_name),
                    RawText::of(metadata),
                    sink,
                )
            })
        })
    }

    /// The bytes that torch.save() would write of a network's state dict.
    pub fn state_dict_bytes(
        &self,
        parameters: &Parameters,
        (metadata_name, metadata): (&str, &str),
    ) -> Result<Vec<u8>> {
        let table = self.table()?;
        collected(|sink| {
            // SAFETY: numbers, texts and a sink that outlive the call.
            checked(table, unsafe {
                (table.state_dict_write)(
                    raw_parameters(parameters.all()),
                    RawText::of(metadata_name),
                    RawText::of(metadata),
                    sink,
                )
            })
        })
    }
}

fn parsed<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::internal(format!("{NAME} said what cannot be understood: {error}")))
}

/// Information on the loaded libtorch, which must be the one in `directory`.
fn information(table: &TorchTable, directory: Option<&Path>) -> Result<LibtorchInformation> {
    let directory = directory.map(|directory| directory.as_os_str().as_encoded_bytes()).unwrap_or_default();
    let information = collected(|sink| {
        // SAFETY: text and a sink that outlive the call.
        checked(table, unsafe { (table.information)(RawText::of(directory), sink) })
    })?;
    parsed(&information)
}

/// Loads libtorch from `directory`, before the library that needs it makes the linker load any.
fn preload(directory: &Path) -> Result<()> {
    let library = directory.join("libtorch_cpu.so");
    Library::open(&library, Scope::Local)
        .map(drop)
        .map_err(|reason| Error::new(ErrorKind::Io, format!("libtorch of libtorch_dir cannot be loaded: {reason}")))
}

fn find(directory: Option<&Path>) -> Result<Library> {
    let beside = directory
        .map(Path::to_path_buf)
        .into_iter()
        .chain(directory_of(TorchLibrary::loaded as fn() -> Option<Arc<TorchLibrary>> as usize));
    let candidates: Vec<PathBuf> = beside.map(|directory| directory.join(NAME)).collect();
    if let Some(path) = candidates.iter().find(|path| path.exists()) {
        return Library::open(path, Scope::Local).map_err(|reason| {
            let message = format!(
                "{} cannot be loaded: {reason}. It needs libtorch {LIBTORCH_VERSION}: put that into the directory \
                 libtorch/lib beside it, or name its directory as libtorch_dir",
                path.display()
            );
            Error::new(ErrorKind::Unsupported, message)
        });
    }
    Library::open(Path::new(NAME), Scope::Local).map_err(|reason| {
        let searched: Vec<String> = candidates.iter().map(|path| path.display().to_string()).collect();
        let message = format!("{NAME} was not found ({}; {reason}): {ADVICE}", searched.join(", "));
        Error::new(ErrorKind::Unsupported, message)
    })
}

/// The library's table, if it has this version.
fn table(library: Library) -> Result<&'static TorchTable> {
    let unfit = |found: String| {
        let message = format!(
            "{NAME} does not fit: {found}, and version {} of the library needs {TABLE_VERSION}; install both from one build",
            env!("CARGO_PKG_VERSION")
        );
        Error::new(ErrorKind::Version, message)
    };
    let entry = library.symbol(ENTRY_NAME).ok_or_else(|| unfit("it has no table of functions".into()))?;
    // SAFETY: the function of this name has this type in every version, and the table lives as long as the library.
    let table = unsafe {
        let entry = std::mem::transmute::<*mut c_void, Entry>(entry);
        let table = entry();
        // Every version has these two fields.
        let (version, size) = ((*table).version, (*table).size);
        if version != TABLE_VERSION || size as usize != size_of::<TorchTable>() {
            return Err(unfit(format!("its table has version {version} and {size} bytes")));
        }
        &*table
    };
    Ok(table)
}
