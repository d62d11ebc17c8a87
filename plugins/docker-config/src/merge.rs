use serde_json::Value;

/// Merges `over` into `base`: objects key by key, to any depth; everything else is replaced.
pub(crate) fn merge(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(present) => merge(present, value),
                    None => {
                        base.insert(key, value);
                    }
                }
            }
        }
        (base, over) => *base = over,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::merge;

    #[test]
    fn objects_are_merged_and_all_else_is_replaced() {
        let mut config = json!({"a": {"x": 1, "y": [1]}, "b": true});
        merge(&mut config, json!({"a": {"y": [2], "z": 3}, "c": null}));
        assert_eq!(config, json!({"a": {"x": 1, "y": [2], "z": 3}, "b": true, "c": null}));
    }
}
