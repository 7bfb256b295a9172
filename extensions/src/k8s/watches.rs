//! Everything that is watched.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::select_all;
use kubernetes::{Cluster, Selection, Told, Trouble, Watch};
use pipeline::context::pods::{Namespace, Node, Pod, PodMap};

use super::kind::Kind;
use super::meters::LeftOut;
use super::slice::{self, Slice};
use super::{place, pod};

/// What is kept of an object.
pub(super) enum Kept {
    Pod(Arc<Pod>),
    Namespace(Namespace),
    Node(Node),
    Slice(Slice),
}

/// One watch.
pub(super) struct Source {
    pub(super) kind: Kind,
    /// The only namespace that it sees.
    pub(super) namespace: Option<String>,
    /// Whether it may as well be forbidden or unknown to the API server, so that nobody waits for it or is warned.
    pub(super) is_optional: bool,
    pub(super) watch: Watch<Kept>,
}

/// Everything that is watched.
pub(super) struct Watches {
    sources: Vec<Source>,
}

/// What one watch told.
pub(super) struct News {
    /// The index of the watch.
    pub(super) source: usize,
    /// Objects that went.
    pub(super) gone: Vec<Kept>,
    pub(super) trouble: Option<Trouble>,
}

impl Watches {
    /// Watches pods of a node and of namespaces, or of all, with their namespaces and nodes.
    pub(super) fn new(cluster: &Cluster, node: Option<&str>, namespaces: &[String], left_out: &LeftOut) -> Self {
        let of_node = node.map(|node| format!("spec.nodeName={node}"));
        // Who may see some namespaces only has, as a rule, no rights on what is in none.
        let is_confined = !namespaces.is_empty();
        let mut sources: Vec<Source> = Vec::new();
        let mut add = |kind, namespace, is_optional, watch| {
            sources.push(Source {
                kind,
                namespace,
                is_optional,
                watch,
            });
        };
        let places = if is_confined {
            namespaces.iter().cloned().map(Some).collect()
        } else {
            vec![None]
        };
        for namespace in places {
            let selection = select(namespace.as_deref(), of_node.clone());
            let left_out = left_out.clone();
            let keep = move |part| Kept::Pod(Arc::new(pod::pod(part, &left_out)));
            let watch = Watch::of_namespaces::<pod::PodPart>(cluster, &selection, keep);
            add(Kind::Pod, namespace, false, watch);
        }
        let keep = {
            let left_out = left_out.clone();
            move |part| Kept::Namespace(place::namespace(part, &left_out))
        };
        let watch = Watch::of_cluster(cluster, &Selection::default(), keep);
        add(Kind::Namespace, None, is_confined, watch);
        let keep = {
            let left_out = left_out.clone();
            move |part| Kept::Node(place::node(part, &left_out))
        };
        let fields = node.map(|node| format!("metadata.name={node}"));
        let watch = Watch::of_cluster(cluster, &select(None, fields), keep);
        add(Kind::Node, None, is_confined, watch);
        // Only who samples the GPUs of a node joins them with spans.
        if of_node.is_some() {
            let keep = |part| Kept::Slice(slice::slice(part));
            let watch = Watch::of_cluster::<slice::SlicePart>(cluster, &select(None, of_node), keep);
            add(Kind::ResourceSlice, None, true, watch);
        }
        Self { sources }
    }

    /// Waits for what is told next, by whichever watch. Dropping the wait loses nothing.
    pub(super) async fn told(&mut self) -> News {
        let all = self.sources.iter_mut().map(|source| source.watch.told().boxed());
        let (told, source, _) = select_all(all).await;
        let (gone, trouble) = match told {
            Told::Changed(gone) => (gone, None),
            Told::Failed(trouble) => (Vec::new(), Some(trouble)),
        };
        News { source, gone, trouble }
    }

    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Whether everything was told that is going to be told before somebody changes something.
    pub(super) fn are_settled(&self) -> bool {
        self.sources.iter().all(Source::is_settled)
    }

    fn objects(&self) -> impl Iterator<Item = &Kept> {
        self.sources.iter().flat_map(|source| source.watch.objects())
    }

    /// How many objects of a kind there are.
    pub(super) fn count(&self, kind: Kind) -> usize {
        let of_kind = self.sources.iter().filter(|it| it.kind == kind);
        of_kind.map(|it| it.watch.objects().count()).sum()
    }

    /// A map of everything, and of pods that went.
    pub(super) fn map<'g>(&self, gone: impl Iterator<Item = &'g Arc<Pod>>) -> PodMap {
        let (mut pods, mut namespaces, mut nodes, mut slices) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for kept in self.objects() {
            match kept {
                Kept::Pod(pod) => pods.push(Arc::clone(pod)),
                Kept::Namespace(namespace) => namespaces.push(namespace.clone()),
                Kept::Node(node) => nodes.push(node.clone()),
                Kept::Slice(slice) => slices.push(slice),
            }
        }
        // An old list may bring back for a moment who has gone.
        let is_back = |pod: &Pod| self.sources.iter().any(|source| source.watch.has(&pod.uid));
        pods.extend(gone.filter(|pod| !is_back(pod)).cloned());
        PodMap::new(pods, namespaces, nodes).with_claimed(slice::claimed(&slices))
    }
}

impl Source {
    fn is_settled(&self) -> bool {
        let is_no = |trouble: &Trouble| matches!(trouble.reason, Trouble::FORBIDDEN | Trouble::ABSENT);
        self.watch.is_complete() || self.watch.trouble().is_some_and(is_no)
    }
}

fn select(namespace: Option<&str>, fields: Option<String>) -> Selection {
    Selection {
        namespace: namespace.map(str::to_owned),
        fields,
        ..Selection::default()
    }
}
