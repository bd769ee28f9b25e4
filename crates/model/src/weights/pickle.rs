//! Reads Python's pickles as data: nothing is imported, nothing is called.
//!
//! Time and memory are proportional to the bytes read and bounded by `MAX_OPERATIONS`: every operation adds at most one
//! value, and a value that is referred to again is not copied.

use super::global;
use super::object::{Object, Pickle, Value};
use super::rebuild::{self, Outcome};
use lens_base::{Error, Result};
use std::collections::HashMap;

/// The highest known protocol.
const PROTOCOL: u8 = 5;
/// A checkpoint with the optimiser's state has some hundred thousand.
const MAX_OPERATIONS: usize = 1 << 21;

/// Reads the pickle at the beginning of `bytes`.
pub fn read(bytes: &[u8]) -> Result<Pickle<'_>> {
    Machine::new(bytes).run()
}

struct Machine<'a> {
    bytes: &'a [u8],
    position: usize,
    operations: usize,
    stack: Vec<Value<'a>>,
    /// Heights of the stack at marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    objects: Vec<Object<'a>>,
}

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Machine {
            bytes,
            position: 0,
            operations: 0,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            objects: Vec::new(),
        }
    }

    fn run(mut self) -> Result<Pickle<'a>> {
        loop {
            self.work(1)?;
            let code = self.take(1)?[0];
            if code == b'.' {
                let root = self.pop()?;
                return Ok(Pickle { objects: self.objects, root, length: self.position });
            }
            self.step(code)?;
        }
    }

    fn step(&mut self, code: u8) -> Result<()> {
        match code {
            // PROTO, FRAME: frames are ignored.
            0x80 => self.protocol(),
            0x95 => self.natural(8).map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            // POP, POP_MARK, DUP.
            b'0' => self.pop().map(drop),
            b'1' => self.pop_marked().map(drop),
            b'2' => {
                let top = self.top()?;
                self.push(top)
            }
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            // BININT, BININT1, BININT2, LONG1, LONG4, BINFLOAT.
            b'J' => self.integer(4),
            b'K' => self.unsigned(1),
            b'M' => self.unsigned(2),
            0x8a => self.long(1),
            0x8b => self.long(4),
            b'G' => {
                self.take(8)?;
                self.push(Value::Float)
            }
            // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8; Python 2's SHORT_BINSTRING and BINSTRING.
            0x8c => self.text(1),
            b'X' => self.text(4),
            0x8d => self.text(8),
            b'U' => self.string(1),
            b'T' => self.string(4),
            // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8.
            b'C' => self.binary(1),
            b'B' => self.binary(4),
            0x8e | 0x96 => self.binary(8),
            // Tuples.
            b')' => self.push_object(Object::Tuple(Vec::new())),
            0x85 => self.tuple(1),
            0x86 => self.tuple(2),
            0x87 => self.tuple(3),
            b't' => {
                let items = self.pop_marked()?;
                self.push_object(Object::Tuple(items))
            }
            // Lists: EMPTY_LIST, LIST, APPEND, APPENDS.
            b']' => self.push_object(Object::List(Vec::new())),
            b'l' => {
                let items = self.pop_marked()?;
                self.push_object(Object::List(items))
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])
            }
            b'e' => {
                let items = self.pop_marked()?;
                self.append(items)
            }
            // Dicts: EMPTY_DICT, DICT, SETITEM, SETITEMS.
            b'}' => self.push_object(Object::Dict(Vec::new())),
            b'd' => {
                let items = self.pop_marked()?;
                self.push_object(Object::Dict(Vec::new()))?;
                self.set(items)
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set(vec![key, value])
            }
            b'u' => {
                let items = self.pop_marked()?;
                self.set(items)
            }
            // Sets: EMPTY_SET, ADDITEMS, FROZENSET.
            0x8f => self.push(Value::Inert),
            0x90 => {
                self.pop_marked()?;
                self.top().map(drop)
            }
            0x91 => {
                self.pop_marked()?;
                self.push(Value::Inert)
            }
            // GLOBAL, STACK_GLOBAL.
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.global(module, name)
            }
            0x93 => match (self.pop()?, self.pop()?) {
                (Value::Text(name), Value::Text(module)) => self.global(module, name),
                _ => Err(self.broken("asks for a name that is no text")),
            },
            // REDUCE, NEWOBJ: class and arguments; NEWOBJ_EX: named arguments too; BUILD: attributes.
            b'R' | 0x81 => self.call(),
            0x92 => {
                self.pop()?;
                self.call()
            }
            b'b' => {
                self.pop()?;
                self.top().map(drop)
            }
            // BINPERSID.
            b'Q' => {
                let identity = self.pop()?;
                let storage = rebuild::storage(&self.objects, identity)?;
                self.push_object(Object::Storage(Box::new(storage)))
            }
            // BINGET, LONG_BINGET, BINPUT, LONG_BINPUT, MEMOIZE.
            b'h' => self.memo_get(1),
            b'j' => self.memo_get(4),
            b'q' => {
                let index = self.natural(1)?;
                self.memo_put(index)
            }
            b'r' => {
                let index = self.natural(4)?;
                self.memo_put(index)
            }
            0x94 => self.memo_put(self.memo.len()),
            _ => Err(self.broken(&format!("has the operation 0x{code:02x}, which torch.save does not write"))),
        }
    }

    fn broken(&self, reason: &str) -> Error {
        Error::format(format!("the pickle {reason} (byte {})", self.position))
    }

    fn work(&mut self, amount: usize) -> Result<()> {
        self.operations = self.operations.saturating_add(amount);
        if self.operations > MAX_OPERATIONS {
            return Err(self.broken(&format!("has more than {MAX_OPERATIONS} operations; a network's has fewer")));
        }
        Ok(())
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let rest = &self.bytes[self.position..];
        let taken = rest.get(..count).ok_or_else(|| self.broken("ends in the middle"))?;
        self.position += count;
        Ok(taken)
    }

    /// An unsigned little-endian integer.
    fn natural(&mut self, width: usize) -> Result<usize> {
        let mut wide = [0; 8];
        wide[..width].copy_from_slice(self.take(width)?);
        usize::try_from(u64::from_le_bytes(wide)).map_err(|_| self.broken("has a length beyond all memory"))
    }

    /// Bytes with their count before them.
    fn counted(&mut self, width: usize) -> Result<&'a [u8]> {
        let count = self.natural(width)?;
        self.take(count)
    }

    fn line(&mut self) -> Result<&'a str> {
        let rest = &self.bytes[self.position..];
        let length = rest.iter().position(|byte| *byte == b'\n').ok_or_else(|| self.broken("ends in the middle"))?;
        let line = std::str::from_utf8(&rest[..length]).map_err(|_| self.broken("has a name that is no UTF-8"))?;
        self.position += length + 1;
        Ok(line)
    }

    fn push(&mut self, value: Value<'a>) -> Result<()> {
        self.stack.push(value);
        Ok(())
    }

    fn push_object(&mut self, object: Object<'a>) -> Result<()> {
        self.objects.push(object);
        self.push(Value::Object(self.objects.len() - 1))
    }

    fn top(&self) -> Result<Value<'a>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.last() {
            Some(value) if self.stack.len() > floor => Ok(*value),
            _ => Err(self.broken("uses a value that is not there")),
        }
    }

    fn pop(&mut self) -> Result<Value<'a>> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_marked(&mut self) -> Result<Vec<Value<'a>>> {
        let mark = self.marks.pop().ok_or_else(|| self.broken("uses a mark that is not there"))?;
        Ok(self.stack.split_off(mark))
    }

    fn protocol(&mut self) -> Result<()> {
        match self.take(1)?[0] {
            2..=PROTOCOL => Ok(()),
            other => Err(self.broken(&format!("has protocol {other}; 2 to {PROTOCOL} are read"))),
        }
    }

    fn unsigned(&mut self, width: usize) -> Result<()> {
        let number = self.natural(width)? as i64;
        self.push(Value::Integer(number))
    }

    fn integer(&mut self, width: usize) -> Result<()> {
        let bytes = self.take(width)?;
        self.push(signed(bytes))
    }

    fn long(&mut self, width: usize) -> Result<()> {
        let bytes = self.counted(width)?;
        self.push(signed(bytes))
    }

    fn text(&mut self, width: usize) -> Result<()> {
        let bytes = self.counted(width)?;
        // Python writes lone surrogates too; no name has them.
        self.push(std::str::from_utf8(bytes).map_or(Value::Inert, Value::Text))
    }

    fn string(&mut self, width: usize) -> Result<()> {
        let bytes = self.counted(width)?;
        self.push(std::str::from_utf8(bytes).map_or(Value::Bytes, Value::Text))
    }

    fn binary(&mut self, width: usize) -> Result<()> {
        self.counted(width)?;
        self.push(Value::Bytes)
    }

    fn tuple(&mut self, count: usize) -> Result<()> {
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push_object(Object::Tuple(items))
    }

    fn append(&mut self, items: Vec<Value<'a>>) -> Result<()> {
        match self.top()? {
            Value::Inert => return Ok(()),
            Value::Object(index) => {
                if let Object::List(list) = &mut self.objects[index] {
                    list.extend(items);
                    return Ok(());
                }
            }
            _ => (),
        }
        Err(self.broken("appends to what is no list"))
    }

    fn set(&mut self, items: Vec<Value<'a>>) -> Result<()> {
        if !items.len().is_multiple_of(2) {
            return Err(self.broken("has a key without a value"));
        }
        match self.top()? {
            Value::Inert => return Ok(()),
            Value::Object(index) => {
                if let Object::Dict(entries) = &mut self.objects[index] {
                    entries.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
                    return Ok(());
                }
            }
            _ => (),
        }
        Err(self.broken("sets an entry of what is no dict"))
    }

    fn global(&mut self, module: &str, name: &str) -> Result<()> {
        let global = global::find(module, name, &self.bytes[self.position..])?;
        self.push(Value::Global(global))
    }

    fn call(&mut self) -> Result<()> {
        let (arguments, called) = (self.pop()?, self.pop()?);
        let (Value::Global(global), Value::Object(index)) = (called, arguments) else {
            return Err(self.broken("calls what is no name"));
        };
        let Object::Tuple(arguments) = &self.objects[index] else {
            return Err(self.broken("calls with what is no tuple"));
        };
        let cost = rebuild::cost(&self.objects, global, arguments);
        let outcome = rebuild::call(&self.objects, global, arguments)?;
        self.work(cost)?;
        match outcome {
            Outcome::Known(value) => self.push(value),
            Outcome::New(object) => self.push_object(object),
        }
    }

    fn memo_get(&mut self, width: usize) -> Result<()> {
        let index = self.natural(width)?;
        let found = u32::try_from(index).ok().and_then(|index| self.memo.get(&index).copied());
        let value = found.ok_or_else(|| self.broken("recalls what it did not put down"))?;
        self.push(value)
    }

    fn memo_put(&mut self, index: usize) -> Result<()> {
        let top = self.top()?;
        let index = u32::try_from(index).map_err(|_| self.broken("puts down too much"))?;
        self.memo.insert(index, top);
        Ok(())
    }
}

/// A little-endian two's complement integer.
fn signed(bytes: &[u8]) -> Value<'_> {
    if bytes.len() > 8 {
        return Value::LongInteger(bytes);
    }
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Value::Integer(i64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::dtype::Dtype;

    fn message(bytes: &[u8]) -> String {
        read(bytes).unwrap_err().to_string()
    }

    /// torch._utils._rebuild_tensor_v2(storage "0" of six floats, offset, shape, strides, False, {}).
    fn tensor(offset: &[u8], shape: &[u8], strides: &[u8]) -> Vec<u8> {
        let head: &[u8] =
            b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x06tQ";
        [head, offset, shape, strides, b"\x89}tR."].concat()
    }

    #[test]
    fn all_operations() {
        // pickle.dumps([None, True, 1, -2, 70000, 2**40, 1.5, "a", b"b", (), (1,), (1, 2, 3, 4), {"k": []}, {1}], 4),
        // with the frame and the memo it writes.
        let bytes = b"\x80\x04\x95F\x00\x00\x00\x00\x00\x00\x00]\x94(N\x88K\x01J\xfe\xff\xff\xffJp\x11\x01\x00\x8a\x06\
            \x00\x00\x00\x00\x00\x01G?\xf8\x00\x00\x00\x00\x00\x00\x8c\x01a\x94C\x01b\
            \x94)K\x01\x85\x94(K\x01K\x02K\x03K\x04\
            t\x94}\x94\x8c\x01k\x94]\x94s\x8f\x94(K\x01\x90e.";
        let pickle = read(bytes).unwrap();
        let items = pickle.list(pickle.root).unwrap();
        let simple = [
            Value::None,
            Value::Bool(true),
            Value::Integer(1),
            Value::Integer(-2),
            Value::Integer(70_000),
            Value::Integer(1 << 40),
            Value::Float,
            Value::Text("a"),
            Value::Bytes,
        ];
        assert_eq!(items[..9], simple);
        assert!(pickle.entry(items[12], "k").and_then(|list| pickle.list(list)).unwrap().is_empty());
        assert_eq!((items.len(), items[13]), (14, Value::Inert));
        assert_eq!(pickle.length, bytes.len());
    }

    #[test]
    fn unknown_globals_are_refused_by_name() {
        let system = b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.";
        assert_eq!(message(system), "refuses the pickle: it asks for posix.system; only tensors are read");
        let stacked = b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.";
        assert!(message(stacked).contains("asks for builtins.eval;"));
        assert!(message(b"\x80\x02c__builtin__\ngetattr\n.").contains("asks for builtins.getattr;"));
        // Names that resemble known ones.
        for name in
            ["torch\nFloatStorage.x", "torch.load\nx", "os\nFloatStorage", "torch._utils\n_rebuild", "torch\nhub"]
        {
            let bytes = [b"\x80\x02c", name.as_bytes(), b"\n."].concat();
            assert!(message(&bytes).contains("only tensors are read"), "{name}");
        }
        let long = [&b"\x80\x02c"[..], &[b'\x1b'; 5000], b"\nx\n."].concat();
        assert!(message(&long).len() < 300 && !message(&long).contains('\x1b'));
    }

    #[test]
    fn pickled_networks_are_refused_with_advice() {
        for bytes in [
            &b"\x80\x02ctorchvision.models.densenet\nDenseNet\n)\x81."[..],
            b"\x80\x02c__main__\nNet\n)\x81}X\x08\x00\x00\x00_modulesctorch.nn.modules.linear\nLinear\n)\x81sb.",
        ] {
            assert!(message(bytes).contains("save model.state_dict() instead"), "{}", message(bytes));
        }
        assert!(message(b"\x80\x02c__main__\nNet\n)\x81.").contains("asks for __main__.Net; only"));
    }

    #[test]
    fn tensor_arguments() {
        let bytes = tensor(b"K\x01", b"K\x02K\x03\x86", b"K\x03K\x01\x86");
        let pickle = read(&bytes).unwrap();
        let tensor = pickle.tensor(pickle.root).unwrap();
        assert_eq!((tensor.dtype, tensor.storage.key, tensor.storage.count), (Dtype::Float32, "0", 6));
        assert!(message(&super::tests::tensor(b"K\x01", b"K\x02\x85", b"K\x03K\x01\x86")).contains("dimensions"));
        assert!(message(&super::tests::tensor(b"J\xff\xff\xff\xff", b")", b")")).contains("below 0"));
        assert!(message(&super::tests::tensor(b"N", b")", b")")).contains("arguments"));
        assert!(message(&super::tests::tensor(b"K\x00", b"N", b")")).contains("arguments"));
        // An integer beyond 64 bits.
        assert!(message(&super::tests::tensor(b"K\x00", b"\x8a\x09aaaaaaaaa\x85", b"K\x01\x85")).contains("arguments"));
    }

    #[test]
    fn broken_streams_are_refused() {
        for (bytes, sign) in [
            (&b""[..], "ends in the middle"),
            (b"\x80\x02", "ends in the middle"),
            (b"\x80\x02ctorch", "ends in the middle"),
            (b"\x80\x02X\xff\xff\xff\xffab.", "ends in the middle"),
            (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffab.", "ends in the middle"),
            (b"\x80\x04\x8e\x00\x00\x00\x00\x00\x00\x00\x80ab.", "ends in the middle"),
            (b"\x80\x02\x8b\xff\xff\xff\x7f.", "ends in the middle"),
            (b"\x80\x07N.", "protocol 7"),
            (b"\x80\x02.", "not there"),
            (b"\x80\x02K\x01(0.", "not there"),
            (b"\x80\x02K\x01t.", "mark that is not there"),
            (b"\x80\x02(u.", "not there"),
            (b"\x80\x02}(K\x01u.", "key without a value"),
            (b"\x80\x02}K\x01a.", "what is no list"),
            (b"\x80\x02]K\x01K\x02s.", "what is no dict"),
            (b"\x80\x02h\x07.", "did not put down"),
            (b"\x80\x02K\x01)R.", "calls what is no name"),
            (b"\x80\x02ccollections\nOrderedDict\nK\x01R.", "calls what is no name"),
            (b"\x80\x02ccollections\nOrderedDict\n]R.", "no tuple"),
            (b"\x80\x02ccollections\nOrderedDict\nK\x01\x85R.", "arguments"),
            (b"\x80\x02U\x05otherQ.", "no storage"),
            (b"\x80\x02\x8c\x01a]\x93.", "no text"),
            (b"\x80\x02c\xff\nx\n.", "no UTF-8"),
            (b"(I1\nl.", "0x49"),
        ] {
            assert!(message(bytes).contains(sign), "{}: {}", bytes.escape_ascii(), message(bytes));
        }
    }

    #[test]
    fn work_is_bounded_by_length() {
        // A list that holds itself, and one that is doubled thousands of times.
        let pickle = read(b"\x80\x02]q\x00h\x00a.").unwrap();
        assert_eq!(pickle.list(pickle.root).unwrap(), [pickle.root]);
        let mut doubled = b"\x80\x02]".to_vec();
        doubled.extend(b"q\x00h\x00\x86q\x00".repeat(50_000));
        doubled.push(b'.');
        assert_eq!(read(&doubled).unwrap().objects.len(), 50_001);
        // Nested as deep as the operations reach; dropped without recursion too.
        let mut deep = vec![b']'; MAX_OPERATIONS / 2 - 1];
        deep.extend(vec![b'a'; deep.len() - 1]);
        deep.push(b'.');
        assert!(read(&deep).is_ok());
        assert!(message(&vec![b'N'; MAX_OPERATIONS + 1]).contains("operations"));
        // A memo index as large as there are.
        assert!(read(b"\x80\x02Nr\xff\xff\xff\xffj\xff\xff\xff\xff.").is_ok());
        // A list of pairs that is turned into a dict again and again.
        let mut copied = b"\x80\x02ccollections\nOrderedDict\nq\x00NN\x86q\x01]q\x02(".to_vec();
        copied.extend(b"h\x01".repeat(100_000));
        copied.extend(b"e\x85q\x03");
        copied.extend(b"h\x00h\x03R0".repeat(100_000));
        copied.extend(b"N.");
        assert!(message(&copied).contains("operations"));
    }
}
