//! The verdicts of the API server's own code on objects that were made by mutating valid ones (`oracle/` makes the file).

use serde_json::Value;

use super::Schemas;

/// What the API server's libraries (apiextensions-apiserver v0.37.2) say: the fields that are wrong, or what is stored.
const VERDICTS: &str = include_str!("verdicts.jsonl");

#[test]
fn objects_are_admitted_and_refused_as_by_the_api_servers_own_code() {
    let mut seen = [0, 0];
    for line in VERDICTS.lines() {
        let verdict: Value = serde_json::from_str(line).unwrap();
        let object = &verdict["object"];
        match (Schemas::builtin().admit(object.clone()), verdict.get("stored")) {
            (Ok(admission), Some(stored)) => {
                seen[0] += 1;
                let mut ours = admission.object;
                // The namespace of the request's path, which the libraries do not know.
                ours["metadata"].as_object_mut().unwrap().remove("namespace");
                assert_eq!(&ours, stored, "{object}");
            }
            (Err(errors), None) => {
                seen[1] += 1;
                let mut fields: Vec<String> = errors.iter().map(|error| dotted(&error.field)).collect();
                fields.sort_unstable();
                fields.dedup();
                assert_eq!(Value::from(fields), verdict["fields"], "{object}: {errors:#?}");
            }
            (ours, _) => panic!("{object}: the API server says {verdict}, we say {ours:#?}"),
        }
    }
    assert_eq!(seen, [160, 335]);
}

/// The API server writes keys of maps like fields; we write them so that they can be told apart.
fn dotted(field: &str) -> String {
    let part = |part: &str| match part.split_once(']') {
        Some((key, rest)) if key.parse::<usize>().is_err() => format!(".{key}{rest}"),
        Some(_) => format!("[{part}"),
        None => part.to_owned(),
    };
    field.split('[').map(part).collect()
}
