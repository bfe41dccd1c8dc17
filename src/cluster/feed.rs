//! Objects while a capture runs.

use std::sync::Arc;

use super::Cluster;
use crate::cli::ClusterArgs;
use crate::exit::Failure;
use crate::kube::{Access, Watch};

/// Where objects come from while a capture runs.
#[derive(Debug)]
pub struct Feed {
    args: ClusterArgs,
    from: From,
}

#[derive(Debug)]
enum From {
    /// They were read before, and stay as they are.
    Read(Arc<Cluster>),
    /// They are followed.
    Watch(Box<Watch>),
}

/// What tells what is known of the cluster at the moment; nothing while nothing is known.
pub type Objects = Arc<dyn Fn() -> Option<Arc<Cluster>> + Send + Sync>;

impl Feed {
    /// Opens what the arguments name. When time passes before the objects are needed (`is_live`), those of the kube
    /// API are followed from now on, so that what comes and goes in between is known.
    pub fn open(args: &ClusterArgs, is_live: bool) -> Result<Self, Failure> {
        let feed = |from| Feed { args: args.clone(), from };
        let read = |cluster| feed(From::Read(Arc::new(cluster)));
        if !args.cluster.is_empty() {
            return Cluster::of_files(args).map(read);
        }
        match Access::find(args.kubeconfig.as_deref(), args.context.as_deref())? {
            None => Cluster::default().with_policies_of(args).map(read),
            Some(access) if is_live => Ok(feed(From::Watch(Box::new(Watch::start(access)?)))),
            Some(access) => Cluster::listed(&access, args).map(read),
        }
    }

    /// The cluster as it is known by now, with everything that was there since the beginning.
    pub fn now(&self) -> Result<Arc<Cluster>, Failure> {
        match &self.from {
            From::Read(cluster) => Ok(Arc::clone(cluster)),
            From::Watch(watch) => Cluster::watched(watch, &self.args).map(Arc::new),
        }
    }

    /// The same once nothing more is to come; says what a person must know of it.
    pub fn finish(&self) -> Result<Arc<Cluster>, Failure> {
        if let From::Watch(watch) = &self.from {
            watch.settle();
        }
        let cluster = self.now()?;
        cluster.tell();
        Ok(cluster)
    }

    /// What a live view asks.
    pub fn objects(self: &Arc<Self>) -> Objects {
        let feed = Arc::clone(self);
        Arc::new(move || feed.now().ok())
    }
}
