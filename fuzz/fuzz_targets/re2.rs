//! What the RE2 translation accepts compiles, and matches whole values only.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nantian_ir::re2;
use regex::bytes::RegexBuilder;

fuzz_target!(|input: (&str, &[u8])| {
    let (pattern, value) = input;
    let Ok(translated) = re2::translate(pattern) else { return };
    let compiled = RegexBuilder::new(&translated).size_limit(1 << 20).dfa_size_limit(1 << 20).build();
    let whole = match compiled {
        Ok(whole) => whole,
        Err(regex::Error::CompiledTooBig(_)) => return,
        Err(error) => panic!("{pattern:?} was accepted as {translated:?}, which is not an expression: {error}"),
    };
    if let Some(found) = whole.find(value) {
        assert_eq!(found.range(), 0..value.len(), "{pattern:?} matched a part of {value:?}");
    }
});
