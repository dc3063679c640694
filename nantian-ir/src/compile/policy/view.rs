//! Policies of all kinds in one form.

use nantian_crds::backend_lb_policy::{self, BackendLbPolicySpec};
use nantian_crds::meta::{CustomObject, ObjectMeta, Resource};
use nantian_crds::policy_status::PolicyStatus;
use nantian_crds::route_policy::{self, RoutePolicySpec};
use nantian_crds::security_policy::{self, SecurityPolicySpec};
use nantian_crds::target_ref::{TargetKind, TargetRef};
use nantian_crds::token_policy::{self, TokenPolicySpec};
use nantian_crds::wasm_plugin::{self, WasmPluginSpec};

use crate::compile::decode::{Kind, age};
use crate::compile::memo::Reader;
use crate::compile::objects::Object;
use crate::precedence::Age;

/// A policy.
pub(super) struct PolicyView<'s> {
    pub(super) kind: &'static str,
    pub(super) object: &'s Object,
    pub(super) metadata: &'s ObjectMeta,
    pub(super) spec: Spec<'s>,
    pub(super) target_refs: &'s [TargetRef],
    /// Kinds that it may be for.
    pub(super) allowed: &'static [TargetKind],
    pub(super) age: Age,
}

/// What a policy asks for.
#[derive(Clone, Copy)]
pub(super) enum Spec<'s> {
    BackendLb,
    Route(&'s RoutePolicySpec),
    Security(&'s SecurityPolicySpec),
    Token(&'s TokenPolicySpec),
    Wasm(&'s WasmPluginSpec),
}

/// A kind of policy.
trait PolicySpec: Sized {
    const TARGETS: &'static [TargetKind];
    fn target_refs(&self) -> &[TargetRef];
    fn spec(&self) -> Spec<'_>;
}

macro_rules! policies {
    ($($spec:ty, $module:ident => |$this:ident| $form:expr),* $(,)?) => {$(
        impl PolicySpec for $spec {
            const TARGETS: &'static [TargetKind] = &$module::TARGETS;

            fn target_refs(&self) -> &[TargetRef] {
                &self.target_refs
            }

            fn spec(&self) -> Spec<'_> {
                let $this = self;
                $form
            }
        }
    )*};
}

policies! {
    BackendLbPolicySpec, backend_lb_policy => |_this| Spec::BackendLb,
    RoutePolicySpec, route_policy => |this| Spec::Route(this),
    SecurityPolicySpec, security_policy => |this| Spec::Security(this),
    TokenPolicySpec, token_policy => |this| Spec::Token(this),
    WasmPluginSpec, wasm_plugin => |this| Spec::Wasm(this),
}

/// The policies of a namespace by kind, of each kind the older first, then by name.
pub(super) fn policies<'s>(namespace: &str, reader: &Reader<'s>) -> Vec<PolicyView<'s>> {
    let mut found = views::<BackendLbPolicySpec>(namespace, reader);
    found.extend(views::<RoutePolicySpec>(namespace, reader));
    found.extend(views::<SecurityPolicySpec>(namespace, reader));
    found.extend(views::<TokenPolicySpec>(namespace, reader));
    found.extend(views::<WasmPluginSpec>(namespace, reader));
    found
}

fn views<'s, S: PolicySpec + 's>(namespace: &str, reader: &Reader<'s>) -> Vec<PolicyView<'s>>
where
    CustomObject<S, PolicyStatus>: Kind,
{
    let entries = reader.all_in::<CustomObject<S, PolicyStatus>>(namespace);
    let mut found: Vec<PolicyView<'s>> = entries
        .map(|entry| PolicyView {
            kind: <CustomObject<S, PolicyStatus> as Resource>::KIND,
            object: &entry.object,
            metadata: &entry.value.metadata,
            spec: entry.value.spec.spec(),
            target_refs: entry.value.spec.target_refs(),
            allowed: S::TARGETS,
            age: age(&entry.value.metadata),
        })
        .collect();
    found.sort_by(|a, b| (a.age, &a.object.id().name).cmp(&(b.age, &b.object.id().name)));
    found
}
