//! Help, wrong usage, and `nantian crds`.

use nantian_ir::yaml;

use crate::harness::{nantian, stderr, stdout};

#[test]
fn every_command_has_help_with_examples() {
    for command in [vec![], vec!["run"], vec!["check"], vec!["explain"], vec!["crds"]] {
        let mut arguments = command.clone();
        arguments.push("--help");
        let output = nantian(&arguments, "");
        assert_eq!(output.status.code(), Some(0));
        let text = stdout(&output);
        assert!(text.contains("Examples:\n  nantian "), "{command:?}: {text}");
    }
}

#[test]
fn wrong_usage_has_exit_code_2() {
    for arguments in
        [vec![], vec!["serve"], vec!["run"], vec!["check", "--colour", "x", "a"], vec!["run", "--workers", "0", "a"]]
    {
        let output = nantian(&arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    }
    let output = nantian(&["run", "-"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("run follows files"), "{}", stderr(&output));
}

#[test]
fn crds_are_yaml_documents_that_name_their_kinds() {
    let output = nantian(&["crds"], "");
    assert_eq!(output.status.code(), Some(0));
    let text = stdout(&output);
    let documents: Vec<&str> = text.split("---\n").filter(|document| !document.trim().is_empty()).collect();
    assert!(!documents.is_empty());
    for document in documents {
        let crd = yaml::value(document).expect("YAML");
        assert_eq!(crd["kind"], "CustomResourceDefinition");
        assert_eq!(crd["spec"]["group"], "nantian.dev");
        assert!(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].is_object());
    }
}
