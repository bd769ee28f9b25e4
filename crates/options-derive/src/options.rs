//! `#[derive(Options)]`.

use super::documentation::documentation;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Data, DeriveInput, Error, Expr, Field, Fields, Ident, LitStr, Result, Type};

#[derive(Default)]
struct Attributes {
    is_option: bool,
    nested: bool,
    skip: bool,
    name: Option<String>,
    flag: Option<String>,
    switch: Option<String>,
    unset: Option<Expr>,
    none: Option<Expr>,
    default: Option<Expr>,
    minimum: Option<Expr>,
    maximum: Option<Expr>,
    above: Option<Expr>,
    below: Option<Expr>,
}

impl Attributes {
    fn of(field: &Field) -> Result<Self> {
        let mut found = Attributes::default();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("option")) {
            found.is_option = true;
            if matches!(attribute.meta, syn::Meta::Path(_)) {
                continue;
            }
            attribute.parse_nested_meta(|meta| {
                let key = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                let expression = || -> Result<Option<Expr>> { Ok(Some(meta.value()?.parse()?)) };
                match key.as_str() {
                    "nested" => found.nested = true,
                    "skip" => found.skip = true,
                    "default" => found.default = expression()?,
                    "unset" => found.unset = expression()?,
                    "none" => found.none = expression()?,
                    "minimum" => found.minimum = expression()?,
                    "maximum" => found.maximum = expression()?,
                    "above" => found.above = expression()?,
                    "below" => found.below = expression()?,
                    "name" | "flag" | "switch" => {
                        let text = Some(meta.value()?.parse::<LitStr>()?.value());
                        match key.as_str() {
                            "name" => found.name = text,
                            "flag" => found.flag = text,
                            _ => found.switch = text,
                        }
                    }
                    _ => return Err(meta.error("unknown key")),
                }
                Ok(())
            })?;
        }
        if !found.is_option {
            return Err(Error::new_spanned(field, "say #[option(...)], #[option(nested)] or #[option(skip)]"));
        }
        // Documentation says what the option is; a flag that takes no value needs a sentence of what it does.
        let ty = &field.ty;
        let takes_none =
            found.flag.as_ref().is_some_and(|flag| flag.contains(" = ") || quote!(#ty).to_string() == "bool");
        if takes_none != found.switch.is_some() {
            return Err(Error::new_spanned(
                field,
                "a flag that takes no value, and only such a one, needs switch = \"...\"",
            ));
        }
        Ok(found)
    }

    /// The ends of the range.
    fn range(&self) -> TokenStream {
        let bound = |inclusive: &Option<Expr>, exclusive: &Option<Expr>| match (inclusive, exclusive) {
            (Some(value), _) => quote!(Some(::lens_base::options::Bound { value: (#value) as f64, inclusive: true })),
            (None, Some(value)) => {
                quote!(Some(::lens_base::options::Bound { value: (#value) as f64, inclusive: false }))
            }
            (None, None) => quote!(None),
        };
        let (minimum, maximum) = (bound(&self.minimum, &self.above), bound(&self.maximum, &self.below));
        quote!(::lens_base::options::Range { minimum: #minimum, maximum: #maximum })
    }
}

/// What the parts of the implementation say of each field.
#[derive(Default)]
struct Parts {
    defaults: Vec<TokenStream>,
    fields: Vec<TokenStream>,
    gets: Vec<TokenStream>,
    sets: Vec<TokenStream>,
}

impl Parts {
    fn add(&mut self, field: &Field) -> Result<()> {
        let attributes = Attributes::of(field)?;
        let ident = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "fields need names"))?;
        let default = match &attributes.default {
            Some(value) => value.to_token_stream(),
            None => quote!(::core::default::Default::default()),
        };
        self.defaults.push(quote!(#ident: #default));
        if attributes.nested {
            self.add_nested(ident);
        } else if !attributes.skip {
            self.add_option(field, ident, &attributes);
        }
        Ok(())
    }

    fn add_nested(&mut self, ident: &Ident) {
        self.fields.push(quote!(fields.extend(::lens_base::options::Options::fields(&self.#ident));));
        self.gets.push(quote! {
            if let Some(value) = ::lens_base::options::Options::get(&self.#ident, name) {
                return Some(value);
            }
        });
        self.sets.push(quote! {
            if ::lens_base::options::Options::get(&self.#ident, name).is_some() {
                return ::lens_base::options::Options::set(&mut self.#ident, name, value);
            }
        });
    }

    fn add_option(&mut self, field: &Field, ident: &Ident, attributes: &Attributes) {
        let ty: &Type = &field.ty;
        let name = attributes.name.clone().unwrap_or_else(|| ident.to_string());
        let documentation = documentation(&field.attrs);
        let range = attributes.range();
        let text = |text: &Option<String>| match text {
            Some(text) => quote!(Some(#text)),
            None => quote!(None),
        };
        let (flag, switch) = (text(&attributes.flag), text(&attributes.switch));
        let unset = match &attributes.unset {
            Some(words) => quote!(Some(#words)),
            None => quote!(None),
        };
        let none = match &attributes.none {
            Some(value) => quote!((#value) as f64),
            None => quote!(0.0),
        };
        let none_number = quote!(const NONE: f64 = #none;);
        self.fields.push(quote! {{
            #none_number
            fields.push(::lens_base::options::Field {
                name: #name,
                kind: <#ty as ::lens_base::options::OptionValue>::KIND,
                documentation: #documentation,
                range: #range,
                unset: #unset,
                none: NONE,
                default: <#ty as ::lens_base::options::OptionValue>::to_value(&self.#ident, NONE),
                flag: #flag,
                switch: #switch,
            });
        }});
        self.gets.push(quote! {
            if name == #name {
                #none_number
                return Some(<#ty as ::lens_base::options::OptionValue>::to_value(&self.#ident, NONE));
            }
        });
        self.sets.push(quote! {
            if name == #name {
                #none_number
                self.#ident = <#ty as ::lens_base::options::OptionValue>::from_value(#name, value, NONE)?;
                return Ok(());
            }
        });
    }
}

pub fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(input, "only structs have options"));
    };
    let Fields::Named(named) = &data.fields else {
        return Err(Error::new_spanned(input, "fields need names"));
    };
    let mut parts = Parts::default();
    named.named.iter().try_for_each(|field| parts.add(field))?;
    let Parts { defaults, fields, gets, sets } = parts;
    let ident = &input.ident;
    let type_documentation = documentation(&input.attrs);
    Ok(quote! {
        impl ::core::default::Default for #ident {
            fn default() -> Self {
                #ident { #(#defaults),* }
            }
        }

        impl ::lens_base::options::Options for #ident {
            const DOCUMENTATION: &'static str = #type_documentation;

            fn fields(&self) -> Vec<::lens_base::options::Field> {
                let mut fields = Vec::new();
                #(#fields)*
                fields
            }

            fn get(&self, name: &str) -> Option<::lens_base::options::Value> {
                #(#gets)*
                None
            }

            fn set(&mut self, name: &str, value: ::lens_base::options::Value) -> ::lens_base::Result<()> {
                #(#sets)*
                Err(::lens_base::options::unknown(name))
            }
        }
    })
}
