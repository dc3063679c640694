//! JSON that is held for long and looked at seldom.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

/// A JSON value as text. As a tree it takes ten times the memory: each mapping has room for eleven fields.
#[derive(Clone, PartialEq, Eq)]
pub struct JsonText(Box<str>);

impl JsonText {
    /// The text of a value. The same value has the same text, whatever the order in which its fields came.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        Self(value.to_string().into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> Value {
        // It was written from one.
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// The value as a type.
    ///
    /// # Errors
    ///
    /// It is no such type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        // What is wrong with a tree is told without a place in a text that nobody wrote.
        serde_json::from_str(&self.0).or_else(|_| serde_json::from_value(self.value()))
    }
}

/// Its length, never its content: it may be of a Secret.
impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonText({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use allocation_counter::measure;
    use serde_json::json;

    use super::*;
    use crate::compile::Object;

    #[test]
    fn a_value_comes_back_and_is_the_same_text_in_whatever_order_its_fields_came() {
        let value = json!({"b": [1, -2, 0.5, null, true], "a": {"\u{e9}\n\"": "\u{0}"}});
        let text = JsonText::of(&value);
        assert_eq!(text.value(), value);
        let parsed: Value =
            serde_json::from_str(r#"{"a": {"\u00e9\n\"": "\u0000"}, "b": [1, -2, 0.5, null, true]}"#).unwrap();
        assert_eq!(JsonText::of(&parsed), text);
    }

    #[test]
    fn what_is_wrong_is_told_without_a_place_in_the_text() {
        let error = JsonText::of(&json!({"a": "b"})).decode::<std::collections::BTreeMap<String, u8>>().unwrap_err();
        assert!(!error.to_string().contains("line"), "{error}");
    }

    #[test]
    fn an_object_holds_its_text_and_its_name_and_no_tree() {
        let rule = json!({"matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [{"name": "b"}]});
        let text = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r", "namespace": "n"},
            "spec": {"parentRefs": [{"name": "g"}], "rules": [rule]},
        })
        .to_string();
        let mut object = None;
        let held = measure(|| object = Object::new(serde_json::from_str(&text).unwrap()).ok()).bytes_current;
        assert!(object.is_some());
        let most = text.len() + 256;
        assert!(usize::try_from(held).unwrap() <= most, "{held} bytes for {} of text", text.len());
    }

    #[test]
    fn its_content_is_not_printed() {
        assert_eq!(format!("{:?}", JsonText::of(&json!({"key": "secret"}))), "JsonText(16 bytes)");
    }
}
