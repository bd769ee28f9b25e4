//! What a pickle describes, as data.

use super::dtype::Dtype;
use super::global::Global;
use super::tensor::Placement;

/// A value; compound ones lie in a table, so that one which is mentioned again, even within itself, costs nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    None,
    Bool(bool),
    Integer(i64),
    /// Beyond 64 bits: two's complement, little-endian.
    LongInteger(&'a [u8]),
    Float,
    Text(&'a str),
    Bytes,
    Global(Global),
    /// A value whose content nothing here depends on.
    Inert,
    /// Index into the table.
    Object(usize),
}

/// A compound value.
#[derive(Debug)]
pub enum Object<'a> {
    Tuple(Vec<Value<'a>>),
    List(Vec<Value<'a>>),
    Dict(Vec<(Value<'a>, Value<'a>)>),
    Storage(Box<Storage<'a>>),
    Tensor(Box<PickledTensor<'a>>),
}

/// Numbers that lie outside of the pickle.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage<'a> {
    pub dtype: Dtype,
    /// Which of the file's storages.
    pub key: &'a str,
    /// How many numbers it has.
    pub count: usize,
    /// The part of it that counts: first number and count. The oldest files have such.
    pub part: Option<(usize, usize)>,
}

/// A view into a storage.
#[derive(Clone, Debug, PartialEq)]
pub struct PickledTensor<'a> {
    pub storage: Storage<'a>,
    pub dtype: Dtype,
    pub placement: Placement,
}

/// One pickle, read.
#[derive(Debug)]
pub struct Pickle<'a> {
    pub objects: Vec<Object<'a>>,
    pub root: Value<'a>,
    /// Bytes it took.
    pub length: usize,
}

impl<'a> Pickle<'a> {
    /// The entries of a dict.
    pub fn dict(&self, value: Value<'a>) -> Option<&[(Value<'a>, Value<'a>)]> {
        match value {
            Value::Object(index) => match &self.objects[index] {
                Object::Dict(entries) => Some(entries),
                _ => None,
            },
            _ => None,
        }
    }

    /// What a text key of a dict leads to; the last entry counts, as in Python.
    pub fn entry(&self, dict: Value<'a>, key: &str) -> Option<Value<'a>> {
        let entries = self.dict(dict)?;
        entries.iter().rev().find(|(name, _)| *name == Value::Text(key)).map(|(_, value)| *value)
    }

    /// The items of a list.
    pub fn list(&self, value: Value<'a>) -> Option<&[Value<'a>]> {
        match value {
            Value::Object(index) => match &self.objects[index] {
                Object::List(items) => Some(items),
                _ => None,
            },
            _ => None,
        }
    }

    /// A tensor.
    pub fn tensor(&self, value: Value<'a>) -> Option<&PickledTensor<'a>> {
        match value {
            Value::Object(index) => match &self.objects[index] {
                Object::Tensor(tensor) => Some(tensor),
                _ => None,
            },
            _ => None,
        }
    }

    /// Every storage that is mentioned.
    pub fn storages(&self) -> impl Iterator<Item = &Storage<'a>> {
        self.objects.iter().filter_map(|object| match object {
            Object::Storage(storage) => Some(storage.as_ref()),
            _ => None,
        })
    }
}
