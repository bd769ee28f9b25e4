//! Contents of a pickle.

use super::dtype::Dtype;
use super::global::Global;
use super::tensor::StridedLayout;

/// A value. Compound values are in a table, so that repeated references, even to themselves, cost nothing.
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
    /// A value that is not interpreted.
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

/// A storage outside of the pickle.
#[derive(Clone, Debug, PartialEq)]
pub struct Storage<'a> {
    pub dtype: Dtype,
    /// Key of the storage in the file.
    pub key: &'a str,
    /// Number of elements.
    pub count: usize,
    /// Part of the storage that is viewed: first element and count. Only in the oldest files.
    pub part: Option<(usize, usize)>,
}

/// A view into a storage.
#[derive(Clone, Debug, PartialEq)]
pub struct PickledTensor<'a> {
    pub storage: Storage<'a>,
    pub dtype: Dtype,
    pub layout: StridedLayout,
}

/// A pickle.
#[derive(Debug)]
pub struct Pickle<'a> {
    pub objects: Vec<Object<'a>>,
    pub root: Value<'a>,
    /// Its length in bytes.
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

    /// The value of a text key of a dict; the last entry of a key counts, as in Python.
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

    /// Every storage that is referred to.
    pub fn storages(&self) -> impl Iterator<Item = &Storage<'a>> {
        self.objects.iter().filter_map(|object| match object {
            Object::Storage(storage) => Some(storage.as_ref()),
            _ => None,
        })
    }
}
