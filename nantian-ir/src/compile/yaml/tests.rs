//! What `kubectl apply` reads (go-yaml v2 through sigs.k8s.io/yaml), and what is refused.

use serde_json::{Value, json};

use super::{Parsed, TextReader, parse};

fn value(text: &str) -> Value {
    crate::yaml::value(&format!("v: {text}\n")).expect(text)["v"].clone()
}

fn named(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n")
}

fn names(parsed: &Parsed) -> Vec<&str> {
    parsed.objects.iter().map(|object| object.id().name.as_str()).collect()
}

fn places(parsed: &Parsed) -> Vec<String> {
    parsed.diagnostics.iter().map(|d| d.source.as_ref().unwrap().to_string()).collect()
}

#[test]
fn plain_words_mean_what_yaml_1_1_says() {
    for (text, expected) in [
        ("yes", json!(true)),
        ("y", json!(true)),
        ("On", json!(true)),
        ("off", json!(false)),
        ("N", json!(false)),
        ("\"yes\"", json!("yes")),
        ("'1'", json!("1")),
        ("!!str 1", json!("1")),
        ("~", json!(null)),
        ("", json!(null)),
        ("12", json!(12)),
        ("-12", json!(-12)),
        ("0x1F", json!(31)),
        ("010", json!(8)),
        ("0o10", json!(8)),
        ("0b11", json!(3)),
        ("1_000", json!(1000)),
        ("1.5", json!(1.5)),
        ("1e3", json!(1000)),
        (".5", json!(0.5)),
        ("1.2.3", json!("1.2.3")),
        ("10s", json!("10s")),
        ("2024-01-02", json!("2024-01-02")),
        ("2024-01-02T03:04:05Z", json!("2024-01-02T03:04:05Z")),
        ("08", json!(8)),
        ("1:30", json!("1:30")),
        ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
        ("yEs", json!("yEs")),
    ] {
        assert_eq!(value(text), expected, "{text}");
    }
}

#[test]
fn anchors_and_merge_keys_are_resolved() {
    let text = "a: &a {x: 1, y2: 2}\nb:\n  <<: *a\n  x: 3\nc: *a\nd:\n  <<: [{x: 4}, *a]\n";
    let found = crate::yaml::value(text).unwrap();
    assert_eq!(found["b"], json!({"x": 3, "y2": 2}));
    assert_eq!(found["c"], json!({"x": 1, "y2": 2}));
    assert_eq!(found["d"], json!({"x": 4, "y2": 2}));
}

#[test]
fn an_alias_bomb_is_refused() {
    let level = |level: usize| {
        let items = match level {
            0 => ["x"; 9].join(", "),
            _ => vec![format!("*a{}", level - 1); 9].join(", "),
        };
        format!("a{level}: &a{level} [{items}]\n")
    };
    let text: String = (0..10).map(level).collect();
    let parsed = parse("f", &text);
    assert!(parsed.diagnostics[0].message.contains("aliases"), "{:?}", parsed.diagnostics);
}

#[test]
fn a_broken_document_does_not_take_its_siblings_along() {
    let text = format!("{}---\nkind: [\n---\n{}---\na: 1\na: 2\n---\n{}", named("one"), named("two"), named("three"));
    let parsed = parse("f.yaml", &text);
    assert_eq!(names(&parsed), ["one", "two", "three"]);
    assert_eq!(parsed.diagnostics.len(), 2);
    assert!(places(&parsed)[1].starts_with("f.yaml:14:1"), "{:?}", places(&parsed));
    assert!(parsed.diagnostics[1].message.contains("\"a\" is given twice"));
}

#[test]
fn tabs_and_truncated_text_are_reported_with_their_place() {
    for text in
        ["a:\n\t- b\n", "a: \"unfinished\n", "a: {b: [1, 2", "a: b: c\n", "a: *nowhere\n", "- a\nb: c\n", "\u{0}"]
    {
        let parsed = parse("f", text);
        assert!(!parsed.diagnostics.is_empty(), "{text:?}");
        assert!(parsed.diagnostics.iter().all(|d| d.source.is_some() && !d.remedy.is_empty()));
    }
}

#[test]
fn lists_are_flattened_with_the_places_of_their_items() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: a\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: b\n";
    let parsed = parse("f", text);
    assert_eq!(names(&parsed), ["a", "b"]);
    assert_eq!(parsed.objects[1].source("metadata.name").unwrap().to_string(), "f:11:11");
    assert_eq!(parsed.objects[1].source("").unwrap().line, 8);
    let typed = parse("f", "apiVersion: v1\nkind: ConfigMapList\nitems: [{metadata: {name: c}}]\n");
    assert_eq!(names(&typed), ["c"]);
}

#[test]
fn documents_are_found_whatever_surrounds_them() {
    let text =
        format!("%YAML 1.2\n# comment\n---\n{}...\n\n--- # two\n{}---\n---\n# nothing\n", named("a"), named("b"));
    let parsed = parse("f", &text);
    assert_eq!(names(&parsed), ["a", "b"]);
    assert_eq!(parsed.diagnostics, []);
    assert_eq!(parse("f", "\u{feff}").objects.len(), 0);
    let json = parse("f", r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "j"}}"#);
    assert_eq!(names(&json), ["j"]);
    let crlf = parse("f", &named("crlf").replace('\n', "\r\n"));
    assert_eq!(names(&crlf), ["crlf"]);
}

#[test]
fn other_kinds_are_named() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: MeshRoute\nmetadata: {name: t}\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: HttpRoute\nmetadata: {name: t}\n---\nkind: Service\n---\n- 1\n";
    let parsed = parse("f", text);
    let codes: Vec<_> = parsed.diagnostics.iter().map(|d| d.code.name()).collect();
    assert_eq!(codes, ["ignored-kind", "unsupported-kind", "unsupported-kind", "not-an-object", "not-an-object"]);
    assert!(parsed.objects.is_empty());
}

#[test]
fn depth_is_bounded() {
    let parsed = parse("f", &format!("a: {}{}", "[".repeat(5000), "]".repeat(5000)));
    assert!(parsed.diagnostics[0].message.contains("deep"), "{:?}", parsed.diagnostics);
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in r#"([-a-z:&*!#%@`'"\[\]{},|>?<~ \t\n\r0.é\x00]|(\n---\n)|(a: )|(<<: )|(&a )|(\*a)){0,40}"#) {
        let _ = parse("f", &text);
    }

    #[test]
    fn no_unicode_text_panics(text in ".{0,60}") {
        let _ = parse("f", &text);
    }
}

#[test]
fn json_values_may_follow_each_other() {
    let one = |name: &str| format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}"}}}}"#);
    let parsed = parse("a.json", &format!("{}\n\n{}\n{}\n---\n{}\n", one("a"), one("b"), one("c"), one("d")));
    assert_eq!(parsed.diagnostics, []);
    let lines = parsed.objects.iter().map(|object| object.source("metadata.name").expect("a place").line);
    assert_eq!(lines.collect::<Vec<_>>(), [1, 3, 4, 6]);
    // Half a value is no second value: the text is judged as YAML.
    assert_eq!(parse("a.json", &format!("{}\n{{\"kind\":", one("a"))).diagnostics.len(), 1);
}

#[test]
fn a_document_that_stands_as_it_was_is_not_read_again() {
    let map = |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let text = |names: &[&str]| names.iter().map(|name| map(name)).collect::<Vec<_>>().join("---\n");
    let mut reader = TextReader::new("f.yaml");
    let first = reader.read(&text(&["a", "b", "c"]));
    for names in [&["a", "x", "c"][..], &["a", "c"], &["b", "a", "c"], &["a", "b", "c"], &[]] {
        let text = text(names);
        assert_eq!(reader.read(&text), parse("f.yaml", &text), "{names:?}");
    }
    let again = reader.read(&text(&["a", "b", "c"]));
    let changed = reader.read(&text(&["a", "x", "c"]));
    let same = |one: &Parsed, other: &Parsed, at: usize| std::ptr::eq(one.objects[at].id(), other.objects[at].id());
    assert!(!same(&first, &again, 0), "only the last version is remembered");
    assert_eq!([0, 1, 2].map(|at| same(&again, &changed, at)), [true, false, true]);
    // What moved has other places, and is read again.
    let moved = reader.read(&format!("\n{}", text(&["a", "x", "c"])));
    assert_eq!(moved.objects[0].source("").map(|place| place.line), Some(2));
}
