//! `--kube` without a cluster: `e2e/cluster/tests/live/check.rs` has one.

use crate::harness::{Folder, free_port, nantian, stderr, stdout};

fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         contexts: [{{name: here, context: {{cluster: c, user: u}}}}]\n\
         clusters: [{{name: c, cluster: {{server: '{server}'}}}}]\n\
         users: [{{name: u, user: {{}}}}]\n"
    )
}

fn refused(arguments: &[&str]) -> String {
    let output = nantian(arguments, "");
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
    stderr(&output)
}

#[test]
fn a_cluster_that_cannot_be_asked_is_told_with_the_reason() {
    let server = format!("http://127.0.0.1:{}", free_port());
    let folder = Folder::new(&[("config", &kubeconfig(&server))]);
    let file = folder.file("config");
    let file = file.to_str().expect("a path");
    let check = ["check", "--kube", "--kubeconfig", file];
    let said = refused(&check);
    assert!(said.contains("the API server cannot be asked") && said.contains("Connection refused"), "{said}");
    for command in [
        &["explain", "--kube", "--kubeconfig", file, "--", "http://a/"][..],
        &["diff", "--kube", "--kubeconfig", file, file],
    ] {
        assert!(refused(command).contains("Connection refused"));
    }
    let said = refused(&["check", "--kube", "--kubeconfig", file, "--context", "there"]);
    assert!(said.contains("the kubeconfig cannot be used") && said.contains("there"), "{said}");
    let said = refused(&["check", "--kube", "--kubeconfig", "/nowhere/config"]);
    assert!(said.contains("the kubeconfig cannot be used") && said.contains("/nowhere/config"), "{said}");
}

#[test]
fn objects_are_from_files_or_from_a_cluster() {
    for arguments in [
        &["check"][..],
        &["check", "--kube", "a"],
        &["check", "--context", "c"],
        &["check", "--context", "c", "a"],
        &["diff", "--context", "c", "a", "b"],
        &["check", "--skip-forbidden", "a"],
        &["explain", "--kube", "a", "--", "http://a/"],
        &["diff", "a"],
        &["diff", "--kube"],
        &["diff", "--kube", "a", "b"],
        &["run", "--kube"],
    ] {
        let said = refused(arguments);
        assert!(said.contains("Usage: nantian"), "{arguments:?}: {said}");
    }
}
