//! The committed messages of ONNX are what its own description gives. UPDATE_ONNX=1 in the environment writes them anew.

use std::path::Path;

#[test]
fn the_committed_messages_are_up_to_date() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/src/onnx");
    let described = protox::compile([directory.join("onnx.proto")], [&directory]).unwrap();
    let made = tempfile::tempdir().unwrap();
    prost_build::Config::new().disable_comments(["."]).out_dir(made.path()).compile_fds(described).unwrap();
    let generated = std::fs::read_to_string(made.path().join("onnx.rs")).unwrap();
    let committed = directory.join("proto.rs");
    if std::env::var_os("UPDATE_ONNX").is_some() {
        std::fs::write(&committed, &generated).unwrap();
    }
    // cargo fmt lays them out in its own way.
    let words = |text: &str| text.split_whitespace().collect::<String>().replace(',', "");
    assert!(words(&std::fs::read_to_string(committed).unwrap()) == words(&generated), "src/onnx/proto.rs is stale");
}
