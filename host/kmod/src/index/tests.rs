use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Reads an index as libkmod does, and returns all keys in ascending order, each with its values.
fn entries(bytes: &[u8]) -> Vec<(String, Vec<(u32, String)>)> {
    assert_eq!(number(bytes, 0), MAGIC);
    assert_eq!(number(bytes, 4), VERSION);
    let mut found = Vec::new();
    walk(bytes, number(bytes, 8), String::new(), &mut found);
    found
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn string(bytes: &[u8], at: &mut usize) -> String {
    let end = *at + bytes[*at..].iter().position(|byte| *byte == 0).unwrap();
    let text = String::from_utf8(bytes[*at..end].to_vec()).unwrap();
    *at = end + 1;
    text
}

fn walk(bytes: &[u8], position: u32, mut key: String, found: &mut Vec<(String, Vec<(u32, String)>)>) {
    let mut at = (position & 0x0FFF_FFFF) as usize;
    if position & PREFIX != 0 {
        key += &string(bytes, &mut at);
    }
    let mut children = Vec::new();
    if position & CHILDREN != 0 {
        let range = bytes[at]..=bytes[at + 1];
        at += 2;
        for character in range {
            children.push((character, number(bytes, at)));
            at += 4;
        }
    }
    if position & VALUES != 0 {
        let count = number(bytes, at);
        at += 4;
        let value = |_| {
            let priority = number(bytes, at);
            at += 4;
            (priority, string(bytes, &mut at))
        };
        found.push((key.clone(), (0..count).map(value).collect()));
    }
    for (character, child) in children.into_iter().filter(|(_, child)| *child != 0) {
        walk(bytes, child, format!("{key}{}", char::from(character)), found);
    }
}

#[test]
fn an_index_is_written_as_depmod_writes_it() {
    let mut index = Index::default();
    index.insert("ab", "one", 1).unwrap();
    index.insert("acd", "two", 2).unwrap();
    index.insert("a", "three", 3).unwrap();
    let mut expected = b"\xB0\x07\xF4\x57\x00\x02\x00\x01\x60\0\0\x2B".to_vec();
    expected.truncate(8);
    let leaf_b = b"\0\0\0\x01\0\0\0\x01one\0"; // at 12
    let leaf_c = b"d\0\0\0\0\x01\0\0\0\x02two\0"; // at 24
    let node_a = b"bc\x40\0\0\x0C\xC0\0\0\x18\0\0\0\x01\0\0\0\x03three\0"; // at 38
    let root = b"aa\x60\0\0\x26"; // at 62
    expected.extend(b"\x20\0\0\x3E");
    for part in [&leaf_b[..], leaf_c, node_a, root] {
        expected.extend(part);
    }
    assert_eq!(index.to_bytes().unwrap(), expected);
}

#[test]
fn an_empty_index_has_an_empty_root() {
    assert_eq!(Index::default().to_bytes().unwrap(), b"\xB0\x07\xF4\x57\x00\x02\x00\x01\0\0\0\x0C");
    let mut index = Index::default();
    index.insert("", "x", 0).unwrap();
    assert_eq!(entries(&index.to_bytes().unwrap()), [(String::new(), vec![(0, "x".to_owned())])]);
}

#[test]
fn values_are_in_the_order_of_their_priority_and_the_later_of_two_equal_ones_comes_first() {
    let mut index = Index::default();
    for (value, priority) in [("b", 2), ("a", 1), ("c", 2), ("d", 0)] {
        index.insert("key", value, priority).unwrap();
    }
    let values: Vec<_> = entries(&index.to_bytes().unwrap()).remove(0).1.into_iter().map(|(_, value)| value).collect();
    assert_eq!(values, ["d", "a", "c", "b"]);
}

#[test]
fn what_the_format_cannot_hold_is_refused() {
    let long = "a".repeat(MAX_KEY + 1);
    for (key, value) in [("ä", ""), ("a\0", ""), (&long, ""), ("a", "\0")] {
        assert!(Index::default().insert(key, value, 0).is_err());
    }
    assert!(Index::default().insert(&long[1..], "ä", 0).is_ok());
}

#[test]
fn keys_that_continue_each_other_need_no_stack() {
    let keys: Vec<String> = (0..=MAX_KEY).map(|length| "a".repeat(length)).collect();
    let mut index = Index::default();
    for key in &keys {
        index.insert(key.as_str(), "v", 0).unwrap();
    }
    assert!(index.to_bytes().unwrap().len() > MAX_KEY * 16);
}

proptest! {
    #[test]
    fn what_was_inserted_is_found_and_nothing_else(
        pairs in prop::collection::vec(("[ab_\\[]{0,6}", "[xy]{0,2}", 0_u32..3), 0..40)
    ) {
        let mut index = Index::default();
        let mut expected: BTreeMap<String, Vec<(u32, String)>> = BTreeMap::new();
        for (key, value, priority) in &pairs {
            index.insert(key.as_str(), value, *priority).unwrap();
            expected.entry(key.clone()).or_default().insert(0, (*priority, value.clone()));
        }
        expected.values_mut().for_each(|values| values.sort_by_key(|(priority, _)| *priority));
        let found = entries(&index.to_bytes().unwrap());
        prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }
}
