//! Which version of the Gateway API the objects are of, as its CRDs say.

use nantian_crds::core::CustomResourceDefinition;
use nantian_crds::core::custom_resource_definition::BUNDLE_VERSION_ANNOTATION;
use serde_json::Value;

use super::Fault;
use crate::compile::decode::Entry;
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::memo::Reader;

/// Minor versions of v1 whose kinds are known here.
const SUPPORTED: [u32; 2] = [5, 6];
/// The groups of the Gateway API, at the end of the names of its CRDs.
const GROUPS: [&str; 2] = [".gateway.networking.k8s.io", ".gateway.networking.x-k8s.io"];

/// What CRDs say about the version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Version {
    /// None is among the objects.
    #[default]
    Unknown,
    /// Every one is of a version that is supported.
    Supported,
    /// One is not, or does not say of which it is.
    Unsupported(Fault),
}

/// Looks at the CRDs: "If implementations detect any Gateway API CRDs that either do not have this annotation set, or have
/// it set to a version that is not recognized or supported by the implementation, this condition MUST be set to false."
pub(crate) fn version(reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) -> Version {
    let all = reader.all::<CustomResourceDefinition>();
    let is_of_gateway_api = |name: &str| GROUPS.iter().any(|group| name.ends_with(group));
    let (mut seen, mut faults) = (false, Vec::new());
    for entry in all.filter(|entry| is_of_gateway_api(&entry.object.id().name)) {
        seen = true;
        let Some(message) = unsupported(&entry.object.id().name, entry) else { continue };
        let field = "metadata.annotations";
        diagnostics.push(Diagnostic::of(&diagnostic::UNSUPPORTED_VERSION, &entry.object, field, &message));
        faults.push(Fault::new("UnsupportedVersion", message));
    }
    match (seen, faults.is_empty()) {
        (false, _) => Version::Unknown,
        (true, true) => Version::Supported,
        (true, false) => {
            let message = format!("{}; all is served that is known here", super::messages(&faults));
            Version::Unsupported(Fault::new("UnsupportedVersion", message))
        }
    }
}

/// Why a CRD is not of a version that is supported.
fn unsupported(name: &str, entry: &Entry<CustomResourceDefinition>) -> Option<String> {
    let object = entry.object.value();
    let annotations = object.pointer("/metadata/annotations");
    let version =
        annotations.and_then(|annotations| annotations.get(BUNDLE_VERSION_ANNOTATION)).and_then(Value::as_str);
    let Some(version) = version else {
        return Some(format!(
            "the CRD {name} has no annotation {BUNDLE_VERSION_ANNOTATION}, so its version is not known"
        ));
    };
    let minor = version.strip_prefix("v1.").and_then(|rest| rest.split('.').next()).and_then(|text| text.parse().ok());
    let is_supported = minor.is_some_and(|minor| SUPPORTED.contains(&minor));
    let all = || SUPPORTED.map(|minor| format!("v1.{minor}")).join(" and ");
    (!is_supported).then(|| format!("the CRD {name} is of version {version}; supported are {}", all()))
}
