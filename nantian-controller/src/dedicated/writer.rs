//! The writer of what is made for data planes of Gateways' own.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::api::{ListParams, ObjectMeta};
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt as _};
use nantian_ir::{GatewayKey, SmolStr};
use nantian_xds::Audience;
use nantian_xds::transport::CertificateNames;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::watch;

use super::Own;
use super::authority::{Authority, AuthorityError};
use super::objects::{self, APPLIED, RENEW_AT, made_by};
use crate::Settings;
use crate::apply::{ApplyError, apply, delete};
use crate::notice::{Listener, Notice};

/// Why something could not be made.
#[derive(Debug, Error)]
enum MakeError {
    #[error("the Secret {0} cannot be read: {1}")]
    ReadAuthority(String, kube::Error),
    #[error("the Secret {0}: {1}")]
    Authority(String, AuthorityError),
    #[error("{0} Gateways are to have data planes of their own, and {1}")]
    Off(usize, &'static str),
    #[error("what there is cannot be listed: {0}")]
    List(#[from] kube::Error),
    #[error("{0} {1}: {2}")]
    Write(&'static str, String, ApplyError),
    #[error(
        "{0} {1}: there is one that was not made for the Gateway, so it is left alone: remove it, or rename the Gateway"
    )]
    Foreign(&'static str, String),
}

/// What it needs.
pub(crate) struct Writer {
    pub(crate) client: Client,
    pub(crate) settings: Settings,
    /// The Gateways that are to have data planes of their own; `None` until that is known.
    pub(crate) wanted: watch::Receiver<Option<Vec<Own>>>,
    pub(crate) leader: watch::Receiver<bool>,
    pub(crate) listener: Listener,
}

/// Objects of a kind that were made here, by namespace and name.
type There = BTreeMap<(String, String), ObjectMeta>;

impl Writer {
    /// Goes on for ever: looks whenever something else is wanted, and every resync period, while this replica leads.
    pub(crate) async fn run(mut self) {
        let mut leader = self.leader.clone();
        loop {
            // Without a sender the process ends.
            if leader.wait_for(|leads| *leads).await.is_err() {
                return;
            }
            tokio::select! {
                // What is on its way is dropped with the term.
                _ = leader.wait_for(|leads| !*leads) => {}
                () = self.lead() => return,
            }
        }
    }

    async fn lead(&mut self) {
        let mut told = None;
        self.wanted.mark_changed();
        loop {
            let Ok(wanted) = self.wanted.wait_for(Option::is_some).await.map(|wanted| wanted.clone()) else { return };
            let failures = self.look(&wanted.unwrap_or_default()).await;
            // Once, until something else is wrong.
            if told.as_ref() != Some(&failures) {
                for message in &failures {
                    self.listener.tell(&Notice::DataPlanesNotMade { message: message.clone() });
                }
            }
            told = Some(failures);
            tokio::select! {
                changed = self.wanted.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(self.settings.watch.resync_period.max(Duration::from_secs(1))) => {}
            }
        }
    }

    /// Makes, changes and removes what is to be; gives what went wrong.
    async fn look(&self, wanted: &[Own]) -> Vec<String> {
        match self.try_look(wanted).await {
            Ok(failures) => failures.iter().map(ToString::to_string).collect(),
            Err(error) => vec![error.to_string()],
        }
    }

    async fn try_look(&self, wanted: &[Own]) -> Result<Vec<MakeError>, MakeError> {
        if let Some(reason) = self.is_off() {
            return if wanted.is_empty() { Ok(Vec::new()) } else { Err(MakeError::Off(wanted.len(), reason)) };
        }
        let Settings { namespace: home, dedicated: settings, .. } = &self.settings;
        let mut failures = Vec::new();
        let accounts = self.there::<ServiceAccount>().await?;
        let secrets = self.there::<Secret>().await?;
        let deployments = self.there::<Deployment>().await?;
        // The Deployment last: its Pods need the others.
        let authority = if wanted.is_empty() { None } else { Some(self.authority().await?) };
        for own in wanted {
            let made = async {
                self.make::<ServiceAccount>(own, &accounts, objects::service_account(own, home)).await?;
                if let Some(authority) = &authority {
                    self.make_secret(own, &secrets, authority).await?;
                }
                self.make::<Deployment>(own, &deployments, objects::deployment(own, home, settings)).await
            };
            failures.extend(made.await.err());
        }
        let names: Vec<_> = wanted.iter().map(name_of).collect();
        failures.extend(self.remove::<Deployment>(&deployments, &names).await.err());
        failures.extend(self.remove::<Secret>(&secrets, &names).await.err());
        failures.extend(self.remove::<ServiceAccount>(&accounts, &names).await.err());
        Ok(failures)
    }

    /// Why none can be made here.
    fn is_off(&self) -> Option<&'static str> {
        if self.settings.dedicated.pod.is_null() {
            Some("dedicated.pod says of no Pods how to make them: the chart does, unless dedicated.enabled is false")
        } else if self.settings.xds.tls.enabled {
            None
        } else {
            Some("without xds.tls they cannot prove whose they are")
        }
    }

    async fn authority(&self) -> Result<Authority, MakeError> {
        let (namespace, name) = (&self.settings.namespace, &self.settings.dedicated.authority_secret);
        let secret = Api::<Secret>::namespaced(self.client.clone(), namespace).get(name).await;
        let secret = secret.map_err(|error| MakeError::ReadAuthority(format!("{namespace}/{name}"), error))?;
        let data = secret.data.unwrap_or_default();
        let part = |name: &str| data.get(name).map(|bytes| bytes.0.as_slice());
        Authority::new(part("tls.crt"), part("tls.key"))
            .map_err(|error| MakeError::Authority(format!("{namespace}/{name}"), error))
    }

    /// What was made of a kind: its metadata, not what Secrets hold.
    async fn there<K>(&self) -> Result<There, MakeError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + fmt::Debug + DeserializeOwned,
    {
        let namespaces = &self.settings.watch.namespaces;
        let apis: Vec<Api<K>> = if namespaces.is_empty() {
            vec![Api::all(self.client.clone())]
        } else {
            namespaces.iter().map(|namespace| Api::namespaced(self.client.clone(), namespace)).collect()
        };
        let selector = made_by(&self.settings.namespace);
        let mut there = There::new();
        for api in apis {
            for held in api.list_metadata(&ListParams::default().labels(&selector)).await? {
                let name = (held.namespace().unwrap_or_default(), held.name_any());
                there.insert(name, held.metadata);
            }
        }
        Ok(there)
    }

    async fn make<K>(&self, own: &Own, there: &There, object: Value) -> Result<(), MakeError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + fmt::Debug + DeserializeOwned,
    {
        let held = there.get(&name_of(own));
        if held.is_some_and(|held| annotation(held, APPLIED) == objects::mark(&object) && is_owned_by(held, own)) {
            return Ok(());
        }
        self.write::<K>(own, held.is_some(), object).await
    }

    async fn make_secret(&self, own: &Own, there: &There, authority: &Authority) -> Result<(), MakeError> {
        let Settings { namespace, xds, .. } = &self.settings;
        let names = CertificateNames { namespace: namespace.clone(), data_plane: xds.data_plane.clone() };
        let uri = names.uri(&Audience::Gateway(own.gateway.clone()));
        let (fingerprint, now) = (authority.fingerprint(&uri), Timestamp::now());
        let held = there.get(&name_of(own));
        let is_good = |held: &ObjectMeta| {
            let renew_at = annotation(held, RENEW_AT).and_then(|at| at.parse::<Timestamp>().ok());
            annotation(held, APPLIED) == Some(&fingerprint)
                && renew_at.is_some_and(|at| now < at)
                && is_owned_by(held, own)
        };
        if held.is_some_and(is_good) {
            return Ok(());
        }
        let issued = authority.issue(&uri, now);
        let issued =
            issued.map_err(|error| MakeError::Authority(self.settings.dedicated.authority_secret.clone(), error))?;
        let object = objects::secret(own, namespace, &authority.certificate, &issued, &fingerprint);
        self.write::<Secret>(own, held.is_some(), object).await
    }

    async fn write<K>(&self, own: &Own, is_there: bool, object: Value) -> Result<(), MakeError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + fmt::Debug + DeserializeOwned,
    {
        let api = Api::<K>::namespaced(self.client.clone(), &own.gateway.namespace);
        let told = || (kind::<K>(), format!("{}/{}", own.gateway.namespace, own.name));
        // What somebody else has made is theirs.
        if !is_there && api.get_metadata_opt(&own.name).await?.is_some() {
            let (kind, name) = told();
            return Err(MakeError::Foreign(kind, name));
        }
        apply(&api, &own.name, object, true).await.map_err(|error| {
            let (kind, name) = told();
            MakeError::Write(kind, name, error)
        })
    }

    /// Removes what was made of a kind for Gateways that share their data planes again.
    async fn remove<K>(&self, there: &There, wanted: &[(String, String)]) -> Result<(), MakeError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + fmt::Debug + DeserializeOwned,
    {
        for (namespace, name) in there.keys().filter(|name| !wanted.contains(name)) {
            let api = Api::<K>::namespaced(self.client.clone(), namespace);
            let deleted = delete(&api, name).await;
            deleted.map_err(|error| MakeError::Write(kind::<K>(), format!("{namespace}/{name}"), error))?;
        }
        Ok(())
    }
}

fn name_of(own: &Own) -> (String, String) {
    let GatewayKey { namespace, .. } = &own.gateway;
    let name: &SmolStr = &own.name;
    (namespace.to_string(), name.to_string())
}

fn annotation<'m>(metadata: &'m ObjectMeta, name: &str) -> Option<&'m str> {
    metadata.annotations.as_ref()?.get(name).map(String::as_str)
}

/// Whether this very Gateway owns it, and not one of its name that is gone.
fn is_owned_by(metadata: &ObjectMeta, own: &Own) -> bool {
    metadata.owner_references.iter().flatten().any(|owner| owner.uid == own.uid)
}

fn kind<K: Resource<DynamicType = ()>>() -> &'static str {
    // Those of k8s-openapi are written down in it.
    match K::kind(&()) {
        std::borrow::Cow::Borrowed(kind) => kind,
        std::borrow::Cow::Owned(_) => "object",
    }
}
