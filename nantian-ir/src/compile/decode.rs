//! JSON values to typed objects.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use foldhash::fast::FixedState;
use nantian_crds::ai_service::AiService;
use nantian_crds::backend_lb_policy::BackendLbPolicy;
use nantian_crds::core::{ConfigMap, CustomResourceDefinition, EndpointSlice, Namespace, ObjectMeta, Secret, Service};
use nantian_crds::direct_response::DirectResponse;
use nantian_crds::gateway_api::{
    BackendTlsPolicy, Gateway, GatewayClass, GrpcRoute, HttpRoute, ListenerSet, ReferenceGrant, TcpRoute, TlsRoute,
    UdpRoute,
};
use nantian_crds::meta::Resource;
use nantian_crds::route_policy::RoutePolicy;
use nantian_crds::security_policy::SecurityPolicy;
use nantian_crds::token_policy::TokenPolicy;
use nantian_crds::wasm_plugin::WasmPlugin;
use serde::de::DeserializeOwned;
use smol_str::SmolStr;

use super::objects::Object;
use crate::key::{ObjectRef, RouteKey, RouteKind};
use crate::model::{CaBundle, Certificate};
use crate::precedence::Age;

/// Namespace and name. The namespace of what is in none is empty.
pub(crate) type Name = (SmolStr, SmolStr);

/// The name of something in a namespace.
pub(crate) fn name_of(namespace: &str, name: &str) -> Name {
    (namespace.into(), name.into())
}

/// An object with its typed form.
pub(crate) struct Entry<T: Kind> {
    pub(crate) object: Object,
    pub(crate) value: T,
    /// What the object alone comes to, once somebody asks: looking into keys and certificates takes long.
    pub(crate) checked: OnceLock<T::Checked>,
}

/// Everything in an entry follows from its object.
impl<T: Kind> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.object == other.object
    }
}

/// The objects of a kind, by namespace and name.
pub(crate) struct Table<T: Kind> {
    namespaces: HashMap<SmolStr, BTreeMap<SmolStr, Arc<Entry<T>>>, FixedState>,
}

impl<T: Kind> Default for Table<T> {
    fn default() -> Self {
        Self { namespaces: HashMap::default() }
    }
}

impl<T: Kind> Table<T> {
    pub(crate) fn get(&self, (namespace, name): &Name) -> Option<&Arc<Entry<T>>> {
        self.namespaces.get(namespace)?.get(name)
    }

    pub(crate) fn has(&self, name: &Name) -> bool {
        self.get(name).is_some()
    }

    /// Those of a namespace, by name.
    pub(crate) fn within(&self, namespace: &str) -> impl Iterator<Item = &Arc<Entry<T>>> + use<'_, T> {
        self.namespaces.get(namespace).into_iter().flat_map(BTreeMap::values)
    }

    /// All of them, by namespace and name.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Entry<T>>> + use<'_, T> {
        let mut namespaces: Vec<_> = self.namespaces.iter().collect();
        namespaces.sort_unstable_by_key(|(namespace, _)| *namespace);
        namespaces.into_iter().flat_map(|(_, entries)| entries.values())
    }

    fn insert(&mut self, (namespace, name): &Name, entry: Entry<T>) {
        let (name, entry) = (name.clone(), Arc::new(entry));
        match self.namespaces.get_mut(namespace) {
            Some(entries) => _ = entries.insert(name, entry),
            None => _ = self.namespaces.insert(namespace.clone(), BTreeMap::from([(name, entry)])),
        }
    }

    fn remove(&mut self, (namespace, name): &Name) {
        let Some(entries) = self.namespaces.get_mut(namespace) else { return };
        entries.remove(name);
        if entries.is_empty() {
            self.namespaces.remove(namespace);
        }
    }
}

/// A kind that the compiler reads.
pub(crate) trait Kind: Resource + DeserializeOwned + Clone {
    /// What an object alone comes to.
    type Checked;
    /// Its table.
    fn table(typed: &Typed) -> &Table<Self>;
}

/// For how long an object is held in its typed form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// Until it was compiled.
    Once,
    /// For as long as its changes are followed.
    Long,
}

impl Held {
    /// The value without room that it does not need, if it is held for long: a list that is read from a text has room for four,
    /// and its copy for what is in it.
    fn fitted<T: Clone>(self, value: T) -> T {
        match self {
            Self::Once => value,
            Self::Long => value.clone(),
        }
    }
}

macro_rules! kinds {
    ($($table:ident: $kind:ty => $checked:ty),* $(,)?) => {
        /// All objects that the compiler reads, by kind.
        #[derive(Default)]
        pub(crate) struct Typed {
            $(pub(crate) $table: Table<$kind>,)*
        }

        $(impl Kind for $kind {
            type Checked = $checked;

            fn table(typed: &Typed) -> &Table<Self> {
                &typed.$table
            }
        })*

        impl Typed {
            /// Holds the object of this name in its typed form, if it is of a kind that is read; one that does not fit its
            /// kind is left out.
            pub(crate) fn insert(&mut self, name: &Name, object: &Object, time: Held) -> Result<(), serde_json::Error> {
                let id = object.id();
                $(if is_of::<$kind>(id) {
                    let value = object.decode::<$kind>().inspect_err(|_| self.$table.remove(name))?;
                    let value = time.fitted(value);
                    self.$table.insert(name, Entry { object: object.clone(), value, checked: OnceLock::new() });
                    return Ok(());
                })*
                Ok(())
            }

            /// Removes the object.
            pub(crate) fn remove(&mut self, id: &ObjectRef, name: &Name) {
                $(if is_of::<$kind>(id) {
                    self.$table.remove(name);
                    return;
                })*
            }
        }
    };
}

kinds! {
    classes: GatewayClass => (),
    gateways: Gateway => (),
    listener_sets: ListenerSet => (),
    http_routes: HttpRoute => (),
    grpc_routes: GrpcRoute => (),
    tls_routes: TlsRoute => (),
    tcp_routes: TcpRoute => (),
    udp_routes: UdpRoute => (),
    backend_tls_policies: BackendTlsPolicy => (),
    grants: ReferenceGrant => (),
    services: Service => (),
    slices: EndpointSlice => (),
    secrets: Secret => Result<Arc<Certificate>, String>,
    namespaces: Namespace => (),
    config_maps: ConfigMap => Result<Arc<CaBundle>, String>,
    direct_responses: DirectResponse => (),
    ai_services: AiService => (),
    backend_lb_policies: BackendLbPolicy => (),
    route_policies: RoutePolicy => (),
    security_policies: SecurityPolicy => (),
    token_policies: TokenPolicy => (),
    wasm_plugins: WasmPlugin => (),
    definitions: CustomResourceDefinition => (),
}

impl Typed {
    /// Whether there are policies of our own kinds in the namespace.
    pub(crate) fn has_own_policies(&self, namespace: &str) -> bool {
        self.backend_lb_policies.within(namespace).next().is_some()
            || self.route_policies.within(namespace).next().is_some()
            || self.security_policies.within(namespace).next().is_some()
            || self.token_policies.within(namespace).next().is_some()
            || self.wasm_plugins.within(namespace).next().is_some()
    }

    /// Removes the route.
    pub(crate) fn remove_route(&mut self, route: &RouteKey) {
        let name = (route.namespace.clone(), route.name.clone());
        match route.kind {
            RouteKind::Http => self.http_routes.remove(&name),
            RouteKind::Grpc => self.grpc_routes.remove(&name),
            RouteKind::Tls => self.tls_routes.remove(&name),
            RouteKind::Tcp => self.tcp_routes.remove(&name),
            RouteKind::Udp => self.udp_routes.remove(&name),
        }
    }
}

/// Whether an object of this name is of the kind.
pub(crate) fn is_of<T: Resource>(id: &ObjectRef) -> bool {
    id.kind == T::KIND && id.group == T::GROUP
}

/// When the object was created, for ties.
pub(crate) fn age(metadata: &ObjectMeta) -> Age {
    let created = metadata.creation_timestamp.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    Age { created: created.map(jiff::Timestamp::as_second) }
}
