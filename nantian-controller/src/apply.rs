//! Server-side apply with our field manager, and what can come of it.

use std::fmt;
use std::time::Duration;

use kube::api::{DeleteParams, Patch, PatchParams};
use kube::{Api, Client};
use nantian_ir::ObjectRef;
use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

use crate::watch::kinds::KINDS;
use crate::watch::{ObservedStatus, Received};

/// The name of our fields' manager.
pub(crate) const FIELD_MANAGER: &str = "nantian-controlplane";

/// Time for one write.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why something was not written.
#[derive(Debug, Error)]
pub(crate) enum ApplyError {
    /// The object is no more, or another one has its name.
    #[error("it is no more")]
    Gone,
    /// It was changed meanwhile: what it is now, if that could be read.
    #[error("it was changed meanwhile")]
    Conflict(Option<Box<ObservedStatus>>),
    /// No answer in time.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Late,
    /// Anything else.
    #[error(transparent)]
    Api(#[from] kube::Error),
    /// What came back is no object.
    #[error("the API server's answer cannot be read: {0}")]
    Answer(String),
}

/// Applies an object to the status of `id`; gives what it is then.
pub(crate) async fn apply_status(client: &Client, id: &ObjectRef, object: Value) -> Result<ObservedStatus, ApplyError> {
    let Some(kind) = KINDS.iter().find(|kind| kind.name == id.kind && kind.group == id.group) else {
        return Err(ApplyError::Gone);
    };
    let version = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let version = version.rsplit('/').next().unwrap_or_default().to_owned();
    let namespace = Some(id.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let api = Received::api(client, kind, &version, namespace);
    let params = PatchParams::apply(FIELD_MANAGER).force();
    let apply = Patch::Apply(Body(object));
    let seen = |received: Received| {
        let seen = received.into_seen(kind, &version).map_err(|error| ApplyError::Answer(error.to_string()))?;
        seen.status.ok_or_else(|| ApplyError::Answer("it has no status".to_owned()))
    };
    let answer = tokio::time::timeout(PATIENCE, api.patch_status(&id.name, &params, &apply)).await;
    match answer.map_err(|_| ApplyError::Late)? {
        Ok(received) => seen(received),
        Err(kube::Error::Api(status)) if status.code == 404 => Err(ApplyError::Gone),
        Err(kube::Error::Api(status)) if status.code == 409 => {
            let now = tokio::time::timeout(PATIENCE, api.get_opt(&id.name)).await;
            match now.map_err(|_| ApplyError::Late)?? {
                Some(received) => Err(ApplyError::Conflict(seen(received).ok().map(Box::new))),
                None => Err(ApplyError::Gone),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Applies an object of a kind that is ours alone to make. With `force`, fields that others have set become ours.
pub(crate) async fn apply<K>(api: &Api<K>, name: &str, object: Value, force: bool) -> Result<(), ApplyError>
where
    K: Clone + fmt::Debug + DeserializeOwned,
{
    let params = PatchParams { force, ..PatchParams::apply(FIELD_MANAGER) };
    let apply = Patch::Apply(Body(object));
    let answer = tokio::time::timeout(PATIENCE, api.patch(name, &params, &apply)).await;
    answer.map_err(|_| ApplyError::Late)?.map(drop).map_err(ApplyError::from)
}

/// Deletes an object. That there is none is as good.
pub(crate) async fn delete<K>(api: &Api<K>, name: &str) -> Result<(), ApplyError>
where
    K: Clone + fmt::Debug + DeserializeOwned,
{
    let answer = tokio::time::timeout(PATIENCE, api.delete(name, &DeleteParams::default())).await;
    match answer.map_err(|_| ApplyError::Late)? {
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        other => other.map(drop).map_err(ApplyError::from),
    }
}

/// What is applied; not printed.
#[derive(serde::Serialize)]
#[serde(transparent)]
struct Body(Value);

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}
