//! `flowfence snapshot`: the objects that flowfence needs, for later or for elsewhere.

use std::fs;
use std::io::Write;

use serde_json::{Value, json};

use crate::cli::SnapshotArgs;
use crate::exit::{Ending, Failure};
use crate::kube::{Access, RESOURCES, list, trim};
use crate::manifest::write_object;
use crate::output::safe;

/// Writes them, one list a kind, sorted: the same cluster gives the same bytes.
pub fn run(args: &SnapshotArgs) -> Result<Ending, Failure> {
    let access =
        Access::find(args.kubeconfig.as_deref(), args.context.as_deref())?.ok_or_else(|| Failure {
            ending: Ending::Unreachable,
            error: anyhow::anyhow!(
                "there is no kubeconfig, and this is no pod: give --kubeconfig PATH, or set KUBECONFIG"
            ),
        })?;
    let listing = list(&access)?;
    for missing in &listing.missing {
        say!("flowfence: left out: {}", safe::line(&missing.to_string()));
    }
    if let Some(dir) = &args.out {
        fs::create_dir_all(dir).map_err(|error| anyhow::anyhow!("{}: {error}", dir.display()))?;
    }
    let mut written = 0;
    let mut stdout = std::io::stdout().lock();
    for (resource, objects) in RESOURCES.iter().zip(&listing.objects) {
        let path = args.out.as_ref().map(|dir| dir.join(format!("{}.yaml", resource.plural)));
        if listing.missing.iter().any(|missing| missing.resource == resource.name()) {
            continue;
        }
        // What an earlier snapshot wrote must not stay when there is nothing left of it.
        let is_there = path.as_ref().is_some_and(|path| path.exists());
        if objects.is_empty() && resource.optional && !is_there {
            continue;
        }
        let mut items: Vec<Value> = objects
            .iter()
            .filter(|object| is_wanted(object, &args.namespaces))
            .map(|object| trim(object, resource))
            .collect();
        items.sort_by_cached_key(name);
        written += items.len();
        let mut text = String::new();
        write_object(&mut text, &json!({"apiVersion": "v1", "kind": "List", "items": items}))
            .map_err(|error| anyhow::anyhow!("{}: {error}", resource.name()))?;
        match path {
            Some(path) => {
                fs::write(&path, text).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
            }
            None => write!(stdout, "---\n{text}")?,
        }
    }
    say!("flowfence: {written} objects of {}", safe::line(&access.server));
    Ok(if listing.missing.is_empty() { Ending::Clean } else { Ending::Partial })
}

fn name(object: &Value) -> (String, String) {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    (text("/metadata/namespace"), text("/metadata/name"))
}

/// Objects without a namespace are of use to every one; of the namespaces themselves too.
fn is_wanted(object: &Value, namespaces: &[String]) -> bool {
    let namespace = object.pointer("/metadata/namespace").and_then(Value::as_str);
    namespaces.is_empty() || namespace.is_none_or(|of| namespaces.iter().any(|wanted| wanted == of))
}
