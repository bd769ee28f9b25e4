//! Showing the page in the user's browser.

use crate::console;
use std::env;

/// Opens the page, or says how to reach it from where the user sits.
pub fn open(address: &str, port: u16) {
    if is_remote() {
        console::message(&format!(
            "there is no display here; on the machine where you sit, run `ssh -L {port}:127.0.0.1:{port} HOST` and open the \
             address there"
        ));
        return;
    }
    if let Err(error) = open::that_detached(address) {
        console::message(&format!("cannot open the browser ({error}); open the address yourself"));
    }
}

/// Whether the user sits elsewhere, or at a machine without a display.
fn is_remote() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let has_display = is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
    let needs_display = !cfg!(any(target_os = "macos", target_os = "windows"));
    (needs_display || is_set("SSH_CONNECTION")) && !has_display
}
