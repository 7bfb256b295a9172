//! Kinds of objects that are watched.

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Pod,
    Namespace,
    Node,
    /// Devices of a node that pods may claim.
    ResourceSlice,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Pod, Self::Namespace, Self::Node, Self::ResourceSlice];

    /// The value of the label `kind`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pod => "pod",
            Self::Namespace => "namespace",
            Self::Node => "node",
            Self::ResourceSlice => "resourceslice",
        }
    }

    /// Its name in rules of RBAC.
    pub(super) fn resource(self) -> &'static str {
        match self {
            Self::Pod => "pods",
            Self::Namespace => "namespaces",
            Self::Node => "nodes",
            Self::ResourceSlice => "resourceslices",
        }
    }

    /// Its API group.
    pub(super) fn group(self) -> &'static str {
        match self {
            Self::Pod | Self::Namespace | Self::Node => "",
            Self::ResourceSlice => "resource.k8s.io",
        }
    }

    /// What is missing without it.
    pub(super) fn loss(self) -> &'static str {
        match self {
            Self::Pod => "no new pod is known",
            Self::Namespace => "labels and annotations of namespaces are not known, and tenants by them neither",
            Self::Node => "labels, annotations and uids of nodes are not known",
            Self::ResourceSlice => "UUIDs of GPUs that pods claim are not known",
        }
    }
}
