//! Field blocks in, fields out.

use http::header::HeaderValue;

use super::entry::{self, Entry, Name, Value};
use super::table::Table;
use super::{DEFAULT_TABLE_SIZE, Malformed, OVERHEAD, huffman, integer, statics};

/// Decodes the field blocks of one connection.
#[derive(Debug)]
pub(crate) struct Decoder {
    table: Table,
    /// What our SETTINGS allow.
    allowed: usize,
    /// Texts in the Huffman code, one after the other.
    scratch: Vec<u8>,
}

/// A field as it was met, and what it counts for in the size of a list (RFC 9113 section 10.5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: Name,
    pub(crate) value: Value,
    pub(crate) size: usize,
}

impl Decoder {
    pub(crate) fn new(allowed: usize) -> Self {
        // RFC 9113 section 4.3.1: until the peer says otherwise, its table has the initial size.
        Self { table: Table::new(DEFAULT_TABLE_SIZE.min(allowed)), allowed, scratch: Vec::new() }
    }

    /// Decodes a whole field block, field by field.
    pub(crate) fn decode(&mut self, mut block: &[u8], mut each: impl FnMut(Field)) -> Result<(), Malformed> {
        let mut size_may_change = true;
        while let Some((&first, rest)) = block.split_first() {
            block = rest;
            if first & 0xe0 == 0x20 {
                // RFC 7541 section 4.2: only at the beginning of a block.
                if !size_may_change {
                    return Err(Malformed("a change of the table's size inside of a field block"));
                }
                let size = integer::decode(first, 5, &mut block)?;
                if size > self.allowed {
                    return Err(Malformed("a table that is larger than our SETTINGS allow"));
                }
                self.table.resize(size);
                continue;
            }
            size_may_change = false;
            each(self.field(first, &mut block)?);
        }
        Ok(())
    }

    fn field(&mut self, first: u8, block: &mut &[u8]) -> Result<Field, Malformed> {
        if first & 0x80 != 0 {
            return self.indexed(integer::decode(first, 7, block)?);
        }
        let (index, kept) = if first & 0x40 != 0 {
            (integer::decode(first, 6, block)?, true)
        } else {
            (integer::decode(first, 4, block)?, false)
        };
        let (name, name_len) = if index == 0 { self.name(block)? } else { self.name_at(index)? };
        let (mut value, value_len) = self.value(block)?;
        let size = name_len + value_len + OVERHEAD;
        if kept {
            self.table.insert(Entry::new(name.clone(), name_len, value.clone(), value_len));
        } else if first & 0x10 != 0 {
            // RFC 7541 section 7.1.3: an intermediary MUST keep to that when it encodes the field again.
            if let Some(value) = &mut value {
                value.set_sensitive(true);
            }
        }
        Ok(Field { name, value, size })
    }

    fn indexed(&self, index: usize) -> Result<Field, Malformed> {
        if let Some((name, value)) = statics::get(index) {
            let size = name.as_str().len() + value.len() + OVERHEAD;
            return Ok(Field { name: name.clone(), value: Some(value.clone()), size });
        }
        let Entry { name, value, size, .. } = self.dynamic(index)?;
        Ok(Field { name: name.clone(), value: value.clone(), size: *size })
    }

    fn dynamic(&self, index: usize) -> Result<&Entry, Malformed> {
        let newer = index.checked_sub(statics::LENGTH + 1);
        newer.and_then(|newer| self.table.get(newer)).ok_or(Malformed("an index beyond the tables"))
    }

    fn name_at(&self, index: usize) -> Result<(Name, usize), Malformed> {
        if let Some((name, _)) = statics::get(index) {
            return Ok((name.clone(), name.as_str().len()));
        }
        self.dynamic(index).map(|entry| (entry.name.clone(), entry.name_len))
    }

    fn name(&mut self, block: &mut &[u8]) -> Result<(Name, usize), Malformed> {
        string(block, &mut self.scratch, |text| (Name::read(text), text.len()))
    }

    fn value(&mut self, block: &mut &[u8]) -> Result<(Option<HeaderValue>, usize), Malformed> {
        string(block, &mut self.scratch, |text| (entry::value(text), text.len()))
    }
}

/// A string literal (RFC 7541 section 5.2).
fn string<T>(block: &mut &[u8], scratch: &mut Vec<u8>, read: impl FnOnce(&[u8]) -> T) -> Result<T, Malformed> {
    let Some((&first, rest)) = block.split_first() else { return Err(Malformed("a string is cut off")) };
    *block = rest;
    let length = integer::decode(first, 7, block)?;
    let (text, rest) = block.split_at_checked(length).ok_or(Malformed("a string is cut off"))?;
    *block = rest;
    if first & 0x80 == 0 {
        return Ok(read(text));
    }
    scratch.clear();
    huffman::decode(text, scratch)?;
    Ok(read(scratch))
}
