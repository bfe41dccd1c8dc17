//! All objects of the table, once.

use futures::future::join_all;
use kube::api::{Api, DynamicObject, ListParams};
use kube::{Client, Error};
use serde_json::Value;

use super::access::{Access, Unreachable, explain};
use super::resource::{RESOURCES, Resource};

/// Objects that are asked for at a time.
pub(super) const PAGE: u32 = 500;

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
    let client = &access.client.0;
    let all = access.runtime.block_on(join_all(RESOURCES.iter().map(|resource| one(client, resource))));
    let mut listing = Listing::default();
    let mut last = None;
    let mut is_any = false;
    for (resource, read) in RESOURCES.iter().zip(all) {
        match read {
            Ok(objects) => {
                is_any |= !resource.optional;
                listing.objects.push(objects);
            }
            Err(error) => {
                listing.objects.push(Vec::new());
                if !(resource.optional && is_unknown(&error)) {
                    let reason = why(&error, resource, "list");
                    listing.missing.push(Missing { resource: resource.name(), reason: reason.clone() });
                    last = Some(reason);
                }
            }
        }
    }
    match last {
        Some(reason) if !is_any => Err(Unreachable::Server { server: access.server.clone(), reason }),
        _ => Ok(listing),
    }
}

async fn one(client: &Client, resource: &Resource) -> Result<Vec<Value>, Error> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource.api());
    let mut objects = Vec::new();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = api.list(&params).await?;
        objects.extend(page.items.into_iter().map(|object| value(&object, resource)));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(objects),
        }
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

/// Whether the API server does not serve the kind.
pub(super) fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 404)
}

/// What happened to a request, with what to do about it.
pub(super) fn why(error: &Error, resource: &Resource, verb: &str) -> String {
    match error {
        Error::Api(status) if status.code == 403 => format!(
            "not allowed: whoever asks needs the verb {verb} on {} (deploy/rbac.yaml has all that is needed)",
            resource.name()
        ),
        Error::Api(status) if status.code == 401 => {
            "it does not know who asks (401): the token or certificate is missing, wrong or expired".to_owned()
        }
        other => explain(other),
    }
}
