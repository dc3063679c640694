//! Everything that the compiler reads, read once: for whoever looks at a cluster without following it.

mod connect;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ListParams, PartialObjectMeta};
use kube::{Api, Client};
use nantian_ir::compile::objects::ObjectError;
use nantian_ir::compile::{Object, Objects};
use serde::de::DeserializeOwned;
use thiserror::Error;

pub use connect::{Access, ConnectError, connect};

use crate::watch::Received;
use crate::watch::definitions;
use crate::watch::kinds::{KINDS, Kind};
use crate::watch::served::{self, Served, version_of};

/// Objects in one answer of the API server.
const PAGE: u32 = 500;
/// Kinds that are listed at one time.
const CONCURRENCY: usize = 8;

/// What was read.
#[derive(Debug, Default)]
pub struct Reading {
    /// The objects, without their statuses.
    pub objects: Objects,
    /// What is not among them, because nobody has installed it.
    pub absent: Vec<AbsentKind>,
    /// What is not among them, because we may not list it.
    pub forbidden: Vec<ForbiddenKind>,
}

/// A kind that the API server does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsentKind {
    /// Its group.
    pub group: &'static str,
    /// Its name.
    pub kind: &'static str,
}

/// A kind that we have no right to list in all namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForbiddenKind {
    /// Its name.
    pub kind: &'static str,
    /// In the API server's words.
    pub message: String,
}

/// Why nothing was read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The API server does not say which kinds it has.
    #[error("the API server cannot be asked which kinds it has: {}", words(.0))]
    Discovery(#[source] kube::Error),
    /// The objects of a kind cannot be listed.
    #[error("the API server does not list {kind}: {}", words(.source))]
    List {
        /// The kind.
        kind: &'static str,
        /// Why.
        source: kube::Error,
    },
    /// An object that it lists is none.
    #[error("the API server lists a {kind} that is no object: {source}")]
    Object {
        /// The kind.
        kind: &'static str,
        /// Why.
        source: ObjectError,
    },
}

/// Reads every kind that the compiler reads, in all namespaces, page by page.
///
/// # Errors
///
/// The API server cannot be asked, or something that we may read cannot be read: half of the objects would be no answer.
pub async fn read(client: &Client) -> Result<Reading, ReadError> {
    let served = served::ask(client).await.map_err(ReadError::Discovery)?;
    let definitions = stream::once(list_definitions(client)).boxed();
    let kinds = stream::iter(&KINDS).map(|kind| list_kind(client, kind, &served)).buffered(CONCURRENCY);
    let listed: Vec<Listed> = definitions.chain(kinds).try_collect().await?;
    let mut reading = Reading::default();
    for listed in listed {
        match listed {
            Listed::Objects(objects) => reading.objects.extend(objects),
            Listed::Absent(kind) => reading.absent.push(kind),
            Listed::Forbidden(kind) => reading.forbidden.push(kind),
        }
    }
    Ok(reading)
}

/// What came of asking for a kind.
enum Listed {
    Objects(Vec<Object>),
    Absent(AbsentKind),
    Forbidden(ForbiddenKind),
}

async fn list_kind(client: &Client, kind: &'static Kind, served: &Served) -> Result<Listed, ReadError> {
    let absent = Listed::Absent(AbsentKind { group: kind.group, kind: kind.name });
    let Some(version) = version_of(kind, served) else { return Ok(absent) };
    match pages(&Received::api(client, kind, version, None), kind.field_selector).await {
        Ok(received) => {
            let objects = received.into_iter().map(|received| Ok(received.into_seen(kind, version)?.object));
            let objects = objects.collect::<Result<_, _>>();
            objects.map(Listed::Objects).map_err(|source| ReadError::Object { kind: kind.name, source })
        }
        // It went away since.
        Err(kube::Error::Api(status)) if status.code == 404 && kind.is_installed() => Ok(absent),
        Err(error) => refused(kind.name, error),
    }
}

async fn list_definitions(client: &Client) -> Result<Listed, ReadError> {
    let api: Api<PartialObjectMeta<CustomResourceDefinition>> = Api::all(client.clone());
    match pages(&api, None).await {
        Ok(found) => {
            let objects = found.iter().filter_map(|definition| definitions::object(&definition.metadata));
            Ok(Listed::Objects(objects.map(|(_, object)| object).collect()))
        }
        Err(error) => refused(definitions::KIND, error),
    }
}

fn refused(kind: &'static str, error: kube::Error) -> Result<Listed, ReadError> {
    match error {
        kube::Error::Api(status) if status.code == 403 => {
            Ok(Listed::Forbidden(ForbiddenKind { kind, message: status.message }))
        }
        source => Err(ReadError::List { kind, source }),
    }
}

async fn pages<K>(api: &Api<K>, field_selector: Option<&str>) -> Result<Vec<K>, kube::Error>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    let whole = ListParams { field_selector: field_selector.map(str::to_owned), ..ListParams::default() };
    let mut params = whole.clone().limit(PAGE);
    let mut objects = Vec::new();
    loop {
        match api.list(&params).await {
            Ok(page) => {
                objects.extend(page.items);
                params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
                if params.continue_token.is_none() {
                    return Ok(objects);
                }
            }
            // The state that the first page is of is forgotten: all of it in one piece, as client-go's pager does.
            Err(kube::Error::Api(status)) if status.code == 410 && params.continue_token.is_some() => {
                return api.list(&whole).await.map(|list| list.items);
            }
            Err(error) => return Err(error),
        }
    }
}

/// What an error comes down to: the API server's words, or the innermost cause.
fn words(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return status.message.clone();
    }
    let mut innermost: &dyn std::error::Error = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
