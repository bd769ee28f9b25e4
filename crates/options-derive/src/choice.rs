//! `#[derive(Choice)]`.

use super::documentation::documentation;
use super::snake_case;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Result};

#[derive(Default)]
struct Attributes {
    name: Option<String>,
    word: Option<String>,
}

impl Attributes {
    fn of(attributes: &[syn::Attribute]) -> Result<Self> {
        let mut found = Attributes::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("choice")) {
            attribute.parse_nested_meta(|meta| {
                let text = meta.value()?.parse::<LitStr>()?.value();
                match meta.path.get_ident().map(ToString::to_string).as_deref() {
                    Some("name") => found.name = Some(text),
                    Some("word") => found.word = Some(text),
                    _ => return Err(meta.error("expected `name` or `word`")),
                }
                Ok(())
            })?;
        }
        Ok(found)
    }
}

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new_spanned(input, "only enums are choices"));
    };
    let ident = &input.ident;
    let type_name = Attributes::of(&input.attrs)?.name.unwrap_or_else(|| snake_case(&ident.to_string()));
    let type_documentation = documentation(&input.attrs);
    let mut alternatives = Vec::new();
    let mut variants = Vec::new();
    for (number, variant) in (0i32..).zip(&data.variants) {
        if !matches!(variant.fields, Fields::Unit) {
            return Err(Error::new_spanned(variant, "variants of a choice have no fields"));
        }
        let attributes = Attributes::of(&variant.attrs)?;
        let name = attributes.name.unwrap_or_else(|| snake_case(&variant.ident.to_string()));
        let word = attributes.word.unwrap_or_else(|| name.replace('_', "-"));
        let documentation = documentation(&variant.attrs);
        alternatives.push(quote! {
            ::lens_base::options::Alternative {
                name: #name, word: #word, number: #number, documentation: #documentation,
            }
        });
        variants.push(&variant.ident);
    }
    Ok(quote! {
        impl ::lens_base::options::Choice for #ident {
            const DESCRIPTION: &'static ::lens_base::options::ChoiceDescription =
                &::lens_base::options::ChoiceDescription {
                    name: #type_name,
                    documentation: #type_documentation,
                    alternatives: &[#(#alternatives),*],
                };

            fn from_number(number: i32) -> Option<Self> {
                [#(#ident::#variants),*].get(usize::try_from(number).ok()?).copied()
            }

            fn number(self) -> i32 {
                self as i32
            }
        }
    })
}
