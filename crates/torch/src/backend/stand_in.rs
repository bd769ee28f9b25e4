//! A library called libtorch.so, which AOTInductor packages ask for.
//!
//! libtorch's own drags in the GPU library. Where that is not loaded, an empty library of this name takes its place, which
//! needs libtorch_cpu.so and nothing else.

use super::gpu_library::gpu_library_is_registered;
use lens_system::{Library, Scope};
use once_cell::sync::OnceCell;

const NAME: &str = "libtorch.so";
/// Made by build.rs.
const STUB: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libtorch.so"));

/// Sees to it that there is one in the process; in words why that cannot be.
pub fn have_libtorch_by_name() -> Result<(), String> {
    static DONE: OnceCell<()> = OnceCell::new();
    DONE.get_or_try_init(|| {
        if Library::loaded(NAME).is_some() {
            return Ok(());
        }
        let beside = super::directory().map(|directory| directory.join(NAME));
        // Global, so that it is found by name whichever library asks.
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
    fn afterwards_it_is_found_by_name_and_brings_no_other_library() {
        have_libtorch_by_name().unwrap();
        assert!(Library::loaded(NAME).is_some());
        assert!(!gpu_library_is_registered());
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(!maps.contains("libtorch_cuda"), "{maps}");
        have_libtorch_by_name().unwrap();
    }
}
