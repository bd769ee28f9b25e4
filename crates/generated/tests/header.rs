//! The committed header is the one that src/capi describes.

use std::path::Path;

#[test]
fn the_committed_header_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let mut sources: Vec<_> = std::fs::read_dir(root.join("src/capi"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap() != "mod.rs")
        .collect();
    sources.sort();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in sources {
        builder = builder.with_src(source);
    }
    let mut generated = Vec::new();
    builder.generate().unwrap().write(&mut generated);
    // C89 has no line comments.
    let generated = String::from_utf8(generated).unwrap();
    let generated = ["__cplusplus", "extern \"C\""]
        .iter()
        .fold(generated, |text, note| text.replace(&format!("// {note}\n"), &format!("/* {note} */\n")));
    let path = root.join("include/lesionlens.h");
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == generated, "include/lesionlens.h is stale: run `make header`");
}
