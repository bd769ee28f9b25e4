//! The declarations in `src/capi`, as they are written there.

use crate::description::SECTIONS;
use crate::root;
use lens_base::{Error, Result};
use quote::ToTokens;
use std::collections::HashMap;
use syn::{Attribute, Fields, FnArg, Item, ItemConst, ItemFn, ItemStruct, ItemType, Type, Visibility};

/// One thing that the header declares.
pub enum Declaration {
    /// A constant that belongs to no choice.
    Constant(ItemConst),
    /// A named number with its constants.
    Enumeration(ItemType, Vec<ItemConst>),
    /// The type of a function that the caller hands over.
    Callback(ItemType),
    /// A handle.
    Opaque(ItemStruct),
    /// A struct with fields.
    Struct(ItemStruct),
    /// A function.
    Function(ItemFn),
}

impl Declaration {
    pub fn name(&self) -> String {
        match self {
            Declaration::Constant(item) => item.ident.to_string(),
            Declaration::Enumeration(item, _) | Declaration::Callback(item) => item.ident.to_string(),
            Declaration::Opaque(item) | Declaration::Struct(item) => item.ident.to_string(),
            Declaration::Function(item) => item.sig.ident.to_string(),
        }
    }

    /// The names of the library's types that it needs.
    pub fn needs(&self) -> Vec<String> {
        let mut types: Vec<&Type> = Vec::new();
        match self {
            Declaration::Constant(_) | Declaration::Enumeration(..) | Declaration::Opaque(_) => {}
            Declaration::Callback(item) => types.push(&item.ty),
            Declaration::Struct(item) => types.extend(item.fields.iter().map(|field| &field.ty)),
            Declaration::Function(item) => {
                types.extend(item.sig.inputs.iter().filter_map(|argument| match argument {
                    FnArg::Typed(argument) => Some(&*argument.ty),
                    FnArg::Receiver(_) => None,
                }));
                if let syn::ReturnType::Type(_, ty) = &item.sig.output {
                    types.push(ty);
                }
            }
        }
        let mut names = Vec::new();
        for ty in types {
            let text = ty.to_token_stream().to_string();
            names.extend(
                text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'))
                    .filter(|word| word.starts_with("lens_") && *word != self.name())
                    .map(ToString::to_string),
            );
        }
        names
    }
}

/// The declarations of each section in the order of use: whatever a declaration needs stands before it.
pub fn sections() -> Result<Vec<(String, Vec<Declaration>)>> {
    let mut waiting: HashMap<String, Vec<Declaration>> = HashMap::new();
    let files = SECTIONS.iter().flat_map(|(_, files)| files.iter().copied());
    for file in files.chain(["generated"]) {
        waiting.insert(file.to_string(), declarations(file)?);
    }
    let mut order = Order { waiting, done: Vec::new() };
    let mut sections = vec![("Handles".to_string(), order.take_handles())];
    for (title, files) in SECTIONS {
        for file in *files {
            while let Some(name) = order.first(file) {
                order.emit(&name);
            }
        }
        sections.push(((*title).to_string(), std::mem::take(&mut order.done)));
    }
    if let Some(name) = order.first("generated") {
        return Err(Error::internal(format!("no function in src/capi needs {name}")));
    }
    // Version and status come first, before the handles.
    sections.swap(0, 1);
    Ok(sections)
}

struct Order {
    /// By file.
    waiting: HashMap<String, Vec<Declaration>>,
    done: Vec<Declaration>,
}

impl Order {
    fn take_handles(&mut self) -> Vec<Declaration> {
        let mut handles = Vec::new();
        for file in SECTIONS.iter().flat_map(|(_, files)| files.iter()) {
            let waiting = self.waiting.remove(*file).unwrap_or_default();
            let (opaque, rest): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|one| matches!(one, Declaration::Opaque(_)));
            handles.extend(opaque);
            self.waiting.insert((*file).to_string(), rest);
        }
        handles
    }

    fn first(&self, file: &str) -> Option<String> {
        self.waiting.get(file)?.first().map(Declaration::name)
    }

    fn take(&mut self, name: &str) -> Option<Declaration> {
        for declarations in self.waiting.values_mut() {
            if let Some(index) = declarations.iter().position(|one| one.name() == name) {
                return Some(declarations.remove(index));
            }
        }
        None
    }

    /// What it needs, it, and the function that fills it.
    fn emit(&mut self, name: &str) {
        let Some(declaration) = self.take(name) else { return };
        declaration.needs().iter().for_each(|needed| self.emit(needed));
        let is_struct = matches!(declaration, Declaration::Struct(_));
        self.done.push(declaration);
        if is_struct {
            self.emit(&format!("{name}_init"));
        }
    }
}

fn declarations(file: &str) -> Result<Vec<Declaration>> {
    let path = root().join("src/capi").join(file).with_extension("rs");
    let text =
        std::fs::read_to_string(&path).map_err(|error| Error::internal(format!("{}: {error}", path.display())))?;
    let parsed = syn::parse_file(&text).map_err(|error| Error::internal(format!("{}: {error}", path.display())))?;
    let mut found: Vec<Declaration> = Vec::new();
    for item in parsed.items {
        match item {
            Item::Const(item) if is_public(&item.vis) => {
                let ty = item.ty.to_token_stream().to_string();
                let owner = found.iter_mut().find_map(|one| match one {
                    Declaration::Enumeration(alias, constants) if alias.ident == ty => Some(constants),
                    _ => None,
                });
                match owner {
                    Some(constants) => constants.push(item),
                    None => found.push(Declaration::Constant(item)),
                }
            }
            Item::Type(item) if is_public(&item.vis) => found.push(match &*item.ty {
                Type::Path(path) if path.path.is_ident("i32") => Declaration::Enumeration(item, Vec::new()),
                _ => Declaration::Callback(item),
            }),
            Item::Struct(item) if is_public(&item.vis) => found.push(match item.fields {
                Fields::Named(_) if has_attribute(&item.attrs, "repr") => Declaration::Struct(item),
                _ => Declaration::Opaque(item),
            }),
            Item::Fn(item) if is_public(&item.vis) && item.sig.abi.is_some() => found.push(Declaration::Function(item)),
            _ => {}
        }
    }
    Ok(found)
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn has_attribute(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident(name))
}
