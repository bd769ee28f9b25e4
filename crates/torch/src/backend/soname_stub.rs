//! A library with the soname libtorch.so, which AOTInductor packages depend on.
//!
//! libtorch's own loads the GPU library. If that is not loaded, an empty library with this soname is used instead,
//! which depends on libtorch_cpu.so only.

use super::gpu_library::gpu_library_is_registered;
use lens_system::{Library, Scope};
use once_cell::sync::OnceCell;

const NAME: &str = "libtorch.so";
/// Built by build.rs.
const STUB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libtorch.so"));

/// Loads one, if needed; the error is the reason.
pub fn provide_libtorch_soname() -> Result<(), String> {
    static DONE: OnceCell<()> = OnceCell::new();
    DONE.get_or_try_init(|| {
        if Library::loaded(NAME).is_some() {
            return Ok(());
        }
        let beside = super::directory().map(|directory| directory.join(NAME));
        // Global, so that its soname is found by every library.
        let loaded = match beside.filter(|path| gpu_library_is_registered() && path.exists()) {
            Some(path) => Library::open(&path, Scope::Global),
            None => Library::open_bytes(c"lesionlens-libtorch", STUB),
        };
        loaded.map(drop).map_err(|reason| format!("{NAME} cannot be loaded: {reason}"))
    })
    .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stub_is_found_by_soname_and_loads_nothing_else() {
        provide_libtorch_soname().unwrap();
        assert!(Library::loaded(NAME).is_some());
        assert!(!gpu_library_is_registered());
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(!maps.contains("libtorch_cuda"), "{maps}");
        provide_libtorch_soname().unwrap();
    }
}
