//! Defaults of the CRDs.

use serde_json::{Value, json};

use super::Schemas;

#[test]
fn smoke() {
    let a = Schemas::builtin().admit(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "r"},
        "spec": {"parentRefs": [{"name": "gw"}], "hostnames": ["a.example"], "rules": [{"backendRefs": [{"name": "s", "port": 80}], "filters":[{"type":"URLRewrite","urlRewrite":{"path":{"type":"ReplacePrefixMatch","replacePrefixMatch":"/"}}}]}]},
    }));
    println!("{a:#?}");
    let _: Option<Value> = None;
    a.unwrap();
}
