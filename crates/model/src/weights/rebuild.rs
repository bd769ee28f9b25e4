//! Interpretation of calls in a pickle.

use super::dtype::Dtype;
use super::global::Global;
use super::object::{Object, PickledTensor, Storage, Value};
use super::tensor::StridedLayout;
use lens_base::{Error, Result};

/// Result of a call.
pub enum Outcome<'a> {
    /// An existing value.
    Known(Value<'a>),
    /// A new object.
    New(Object<'a>),
}

/// Reads `global(*arguments)`.
pub fn call<'a>(objects: &[Object<'a>], global: Global, arguments: &[Value<'a>]) -> Result<Outcome<'a>> {
    let wrong = || Error::format(format!("refuses the pickle: {global:?} has arguments that PyTorch does not write"));
    match (global, arguments) {
        (Global::Inert, _) => Ok(Outcome::Known(Value::Inert)),
        (Global::OrderedDict, []) => Ok(Outcome::New(Object::Dict(Vec::new()))),
        (Global::OrderedDict, [items]) => pairs(objects, *items).map(Outcome::New).ok_or_else(wrong),
        // torch.Size is represented by its tuple, a parameter by its tensor.
        (Global::Size | Global::Parameter, [value, ..]) => Ok(Outcome::Known(*value)),
        (Global::Tensor | Global::TypedTensor, [storage, offset, shape, strides, further @ ..]) => {
            // (requires_grad, hooks[, type][, bits]); bits say that conjugation or negation is pending.
            let (dtype, bits) = match (global, further) {
                (Global::Tensor, [] | [_, _]) => (None, None),
                (Global::Tensor, [_, _, bits]) => (None, Some(*bits)),
                (Global::TypedTensor, [_, _, Value::Global(Global::Dtype(dtype))]) => (Some(*dtype), None),
                (Global::TypedTensor, [_, _, Value::Global(Global::Dtype(dtype)), bits]) => (Some(*dtype), Some(*bits)),
                _ => return Err(wrong()),
            };
            if bits.is_some_and(|bits| !matches!(object(objects, bits), Some(Object::Dict(set)) if set.is_empty())) {
                return Ok(Outcome::Known(Value::Inert));
            }
            let (Some(Object::Storage(storage)), Value::Integer(offset)) = (object(objects, *storage), *offset) else {
                return Err(wrong());
            };
            let (Some(shape), Some(strides)) = (integers(objects, *shape), integers(objects, *strides)) else {
                return Err(wrong());
            };
            let layout = StridedLayout::new(offset, &shape, &strides)?;
            let dtype = dtype.unwrap_or(storage.dtype);
            let storage = Storage::clone(storage);
            Ok(Outcome::New(Object::Tensor(Box::new(PickledTensor { storage, dtype, layout }))))
        }
        (Global::FromType, [Value::Global(global), _, inner, ..]) => match object(objects, *inner) {
            // PyTorch nests it once only.
            Some(Object::Tuple(inner)) if *global != Global::FromType => call(objects, *global, inner),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

/// Items copied by a call, counted as operations.
pub fn cost(objects: &[Object], global: Global, arguments: &[Value]) -> usize {
    match (global, arguments) {
        (Global::OrderedDict, [items]) => match object(objects, *items) {
            Some(Object::List(items)) => items.len(),
            _ => 0,
        },
        _ => 0,
    }
}

/// Reads ("storage", class, key, location, count[, (key of the part, first, count) or None]).
pub fn storage<'a>(objects: &[Object<'a>], identity: Value<'a>) -> Result<Storage<'a>> {
    let wrong = || Error::format("refuses the pickle: it refers to something outside that is no storage");
    let Some(Object::Tuple(parts)) = object(objects, identity) else { return Err(wrong()) };
    let [
        Value::Text("storage"),
        Value::Global(Global::Storage(dtype)),
        Value::Text(key),
        _,
        Value::Integer(count),
        view @ ..,
    ] = parts.as_slice()
    else {
        return Err(wrong());
    };
    let natural = |number: i64| usize::try_from(number).map_err(|_| wrong());
    let part = match view {
        [] | [Value::None] => None,
        [view] => match object(objects, *view) {
            Some(Object::Tuple(view)) => match view.as_slice() {
                [_, Value::Integer(first), Value::Integer(count)] => Some((natural(*first)?, natural(*count)?)),
                _ => return Err(wrong()),
            },
            _ => return Err(wrong()),
        },
        _ => return Err(wrong()),
    };
    Ok(Storage { dtype: dtype.unwrap_or(Dtype::UInt8), key, count: natural(*count)?, part })
}

fn object<'o, 'a>(objects: &'o [Object<'a>], value: Value<'a>) -> Option<&'o Object<'a>> {
    match value {
        Value::Object(index) => objects.get(index),
        _ => None,
    }
}

fn integers(objects: &[Object], value: Value) -> Option<Vec<i64>> {
    let Value::Object(index) = value else { return None };
    match objects.get(index) {
        // No tensor has so many dimensions; `StridedLayout::new` refuses them.
        Some(Object::Tuple(items)) => items
            .iter()
            .take(64)
            .map(|item| match item {
                Value::Integer(number) => Some(*number),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// A dict from a list of pairs, as Python 2 pickles an OrderedDict.
fn pairs<'a>(objects: &[Object<'a>], value: Value<'a>) -> Option<Object<'a>> {
    let Some(Object::List(items)) = object(objects, value) else { return None };
    let pair = |item: &Value<'a>| match object(objects, *item)? {
        Object::List(pair) | Object::Tuple(pair) => match pair.as_slice() {
            [key, value] => Some((*key, *value)),
            _ => None,
        },
        _ => None,
    };
    items.iter().map(pair).collect::<Option<_>>().map(Object::Dict)
}
