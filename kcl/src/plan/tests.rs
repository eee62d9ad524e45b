use super::*;
use crate::stdlib::Failure;
use crate::value::{DictBuilder, Entry, Key};

/// A list in a list, and so on: small in memory, and large as a text.
fn nested<'v>(arena: &'v Bump, innermost: Value<'v>, depth: usize) -> Value<'v> {
    (0..depth).fold(innermost, |inner, _| Value::List(arena.alloc_slice_copy(&[inner; 100])))
}

fn refused(value: Value<'_>, why: &str) {
    let options = PlanOptions { max_bytes: 1 << 20, ..PlanOptions::default() };
    for written in [yaml(value, &options), json(value, &options)] {
        match written {
            Err(Failure::Message(message)) => assert!(message.contains(why), "{message}"),
            _ => panic!("expected that {why}"),
        }
    }
}

#[test]
fn a_text_has_a_limit_wherever_it_grows() {
    let arena = Bump::new();
    let long = "x".repeat(1 << 16);
    refused(nested(&arena, Value::Int(1), 4), "longer than 1 MiB");
    refused(nested(&arena, Value::Str(&long), 1), "longer than 1 MiB");
    refused(Value::Str(&"\n".repeat(1 << 21)), "longer than 1 MiB");
}

#[test]
fn what_is_left_out_counts_too() {
    let arena = Bump::new();
    refused(nested(&arena, Value::Undefined, 4), "more than 524288 items");
}

#[test]
fn all_documents_of_a_stream_together_have_the_limit() {
    let arena = Bump::new();
    let long = "x".repeat(1 << 19);
    let dict = |text| {
        let mut block = DictBuilder::default();
        block.put(Entry::new(Key::new("a"), Value::Str(text)));
        Value::Dict(arena.alloc(block.finish(&arena)))
    };
    let documents = [dict(&long), dict(&long), dict(&long)];
    refused(Value::List(&documents), "longer than 1 MiB");
    assert!(yaml(Value::List(&documents), &PlanOptions::default()).is_ok());
}
