//! `include/lesionlens.h`: the declarations in the order of use, each as cbindgen writes it.

use crate::root;
use crate::source::{Declaration, sections};
use lens_base::{Error, Result};
use quote::{ToTokens, quote};
use std::path::Path;

/// The page that the header opens with: ownership, threads, errors, growth.
const OPENING: &str = include_str!("opening.txt");

/// The header.
pub fn header() -> Result<String> {
    let directory = tempfile::tempdir().map_err(|error| Error::internal(format!("no temporary directory: {error}")))?;
    let mut text = format!("/**\n{} */\n\n", comment_lines(OPENING));
    text += "#ifndef LESIONLENS_H\n#define LESIONLENS_H\n\n#include <stddef.h>\n#include <stdint.h>\n\n";
    text += "#ifdef __cplusplus\nextern \"C\" {\n#endif /* __cplusplus */\n";
    for (title, declarations) in sections()? {
        text += &format!("\n/*\n * {title}\n */\n");
        for declaration in &declarations {
            text += "\n";
            text += &rendered(declaration, directory.path())?;
        }
    }
    text += "\n#ifdef __cplusplus\n} /* extern \"C\" */\n#endif /* __cplusplus */\n\n#endif /* LESIONLENS_H */\n";
    Ok(text)
}

fn comment_lines(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { " *\n".to_string() } else { format!(" * {line}\n") }).collect()
}

/// A declaration in C.
fn rendered(declaration: &Declaration, directory: &Path) -> Result<String> {
    let items = match declaration {
        Declaration::Constant(item) => item.to_token_stream(),
        Declaration::Enumeration(alias, constants) => quote!(#alias #(#constants)*),
        Declaration::Callback(item) => item.to_token_stream(),
        Declaration::Opaque(item) | Declaration::Struct(item) => item.to_token_stream(),
        Declaration::Function(item) => {
            let (attributes, visibility, signature) = (&item.attrs, &item.vis, &item.sig);
            quote!(#(#attributes)* #visibility #signature { loop {} })
        }
    };
    let path = directory.join("declaration.rs");
    std::fs::write(&path, items.to_string())
        .map_err(|error| Error::internal(format!("{}: {error}", path.display())))?;
    let mut config = cbindgen::Config::from_file(root().join("cbindgen.toml")).map_err(Error::internal)?;
    // Types that no function in sight needs are left out otherwise.
    config.export.include.push(declaration.name());
    let bindings = cbindgen::Builder::new().with_config(config).with_src(&path).generate();
    let mut written = Vec::new();
    bindings.map_err(|error| Error::internal(format!("{}: {error}", declaration.name())))?.write(&mut written);
    let text = String::from_utf8(written).map_err(|error| Error::internal(error.to_string()))?;
    Ok(format!("{}\n", text.trim()))
}
