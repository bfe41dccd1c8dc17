//! All objects of the table, once.

use std::time::Duration;

use futures::future::join_all;
use kube::api::{Api, DynamicObject, ListParams};
use kube::{Client, Error};
use serde_json::Value;

use super::access::{Access, UNKNOWN_CALLER, Unreachable, explain};
use super::resource::{RESOURCES, Resource};

/// Objects that are asked for at a time.
pub(super) const PAGE: u32 = 500;

/// How often a list is tried.
const TRIALS: u32 = 4;

/// A kind that could not be read although others could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// `pods`, or `networkpolicies.networking.k8s.io`.
    pub resource: String,
    /// Why, with what to do.
    pub reason: String,
}

impl std::fmt::Display for Missing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.resource, self.reason)
    }
}

/// What one reading gave.
#[derive(Debug, Default)]
pub struct Listing {
    /// Objects of each kind of [`RESOURCES`], in its order.
    pub objects: Vec<Vec<Value>>,
    /// Kinds that could not be read.
    pub missing: Vec<Missing>,
}

/// Reads every kind. An error when no kind could be read.
pub fn list(access: &Access) -> Result<Listing, Unreachable> {
    let client = &access.client.client();
    let all = access.runtime.block_on(join_all(RESOURCES.iter().map(|resource| one(client, resource))));
    let mut listing = Listing::default();
    let mut first = None;
    let mut is_any = false;
    for (resource, read) in RESOURCES.iter().zip(all) {
        match read {
            Ok(objects) => {
                is_any |= !resource.optional;
                listing.objects.push(objects);
            }
            Err(error) => {
                listing.objects.push(Vec::new());
                let missing = Missing { resource: resource.name(), reason: why(&error, resource, "list") };
                first.get_or_insert(missing.to_string());
                listing.missing.push(missing);
            }
        }
    }
    match first {
        Some(reason) if !is_any => Err(Unreachable::Server { server: access.server.clone(), reason }),
        _ => Ok(listing),
    }
}

async fn one(client: &Client, resource: &Resource) -> Result<Vec<Value>, Error> {
    if resource.optional && !is_served(client, resource).await? {
        return Ok(Vec::new());
    }
    let mut pause = Duration::from_millis(200);
    for _ in 1..TRIALS {
        let mut objects = Vec::new();
        match pages(client, resource, |object| objects.push(object)).await {
            Err(error) if is_passing(&error) => tokio::time::sleep(pause).await,
            Err(error) => return Err(error),
            Ok(_) => return Ok(objects),
        }
        pause *= 3;
    }
    let mut objects = Vec::new();
    pages(client, resource, |object| objects.push(object)).await?;
    Ok(objects)
}

/// One list, page by page; gives the version that it is of.
pub(super) async fn pages(
    client: &Client,
    resource: &Resource,
    mut each: impl FnMut(Value),
) -> Result<String, Error> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource.api());
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = api.list(&params).await?;
        page.items.iter().for_each(|object| each(value(object, resource)));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(page.metadata.resource_version.unwrap_or_default()),
        }
    }
}

/// Whether the API server serves a kind that a cluster need not have. Asked of discovery, for who lacks the right to
/// list a kind is told so whether it exists or not.
pub(super) async fn is_served(client: &Client, resource: &Resource) -> Result<bool, Error> {
    let version = format!("{}/{}", resource.group, resource.version);
    match client.list_api_group_resources(&version).await {
        Ok(list) => Ok(list.resources.iter().any(|served| served.name == resource.plural)),
        Err(Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the same question may be answered in a moment: too many asked, a page grew too old, a server that restarts.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::Api(status) => status.code == 410 || status.code == 429 || status.code >= 500,
        Error::HyperError(_) | Error::Service(_) => true,
        _ => false,
    }
}

/// The object as the API has it; items of a list lack their kind.
pub(super) fn value(object: &DynamicObject, resource: &Resource) -> Value {
    let mut value = serde_json::to_value(object).unwrap_or(Value::Null);
    if let Value::Object(map) = &mut value {
        map.insert("apiVersion".to_owned(), Value::String(resource.api().api_version));
        map.insert("kind".to_owned(), Value::String(resource.kind.to_owned()));
    }
    value
}

/// What happened to a request, with what to do about it.
pub(super) fn why(error: &Error, resource: &Resource, verb: &str) -> String {
    match error {
        Error::Api(status) if status.code == 403 => format!(
            "forbidden: whoever asks needs the verb {verb} on {} in the whole cluster (deploy/rbac.yaml grants all that \
             is needed)",
            resource.name()
        ),
        Error::Api(status) if status.code == 401 => UNKNOWN_CALLER.to_owned(),
        Error::Api(status) => format!("{} ({})", status.message, status.code),
        other => explain(other),
    }
}
