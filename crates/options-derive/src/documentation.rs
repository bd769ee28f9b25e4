//! The text of doc comments. `crates/generated` compiles this file too: a crate of macros exports nothing else.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The lines of the doc comments among these attributes, without the space after the slashes.
pub fn documentation(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attribute.meta
            && let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value
        {
            let line = text.value();
            lines.push(line.strip_prefix(' ').unwrap_or(&line).trim_end().to_string());
        }
    }
    lines.join("\n").trim().to_string()
}
