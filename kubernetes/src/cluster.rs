//! The API server, and who we are to it.

use std::path::PathBuf;
use std::time::Duration;

use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};

use crate::kubeconfig::NoKubeconfig;
use crate::trouble::chain;

/// How long it may take to connect to the API server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the API server is and who we are to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// As a pod of the cluster: address by `KUBERNETES_SERVICE_HOST`, the account's token and the cluster's
    /// certificate from the mounted files. Both are read again every minute, so they may be replaced.
    ServiceAccount,
    /// By a kubeconfig file. It is read once; a token in a file of its own (`tokenFile`) is read again every minute.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// Which of its contexts; its own choice where it is not said.
        context: Option<String>,
    },
}

/// An API server and who we are to it; cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) client: kube::Client,
}

/// Why nobody can be asked.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Outside of a pod, or a pod without the account's token.
    #[error(
        "this is no pod with a service account: {0}\nwrite `auth_type: kubeConfig` outside of a cluster; in a pod, set `automountServiceAccountToken: true`"
    )]
    ServiceAccount(#[source] InClusterError),
    /// The kubeconfig is missing, or is not one.
    #[error("{0}")]
    Kubeconfig(#[from] NoKubeconfig),
    /// Certificates or keys are not what they should be.
    #[error("the API server cannot be reached: {0}")]
    Client(String),
}

impl Cluster {
    /// Reads the credentials. Nothing is asked yet.
    pub async fn new(access: &Access) -> Result<Self, AccessError> {
        let mut config = match access {
            Access::ServiceAccount => kube::Config::incluster().map_err(AccessError::ServiceAccount)?,
            Access::Kubeconfig { path, context } => {
                let no = |contexts, why: &KubeconfigError| NoKubeconfig::new(path, (context.as_deref(), contexts), why);
                let file = Kubeconfig::read_from(path).map_err(|why| no(Vec::new(), &why))?;
                let contexts: Vec<String> = file.contexts.iter().map(|it| it.name.clone()).collect();
                let options = KubeConfigOptions {
                    context: context.clone(),
                    ..KubeConfigOptions::default()
                };
                kube::Config::from_custom_kubeconfig(file, &options)
                    .await
                    .map_err(|why| no(contexts, &why))?
            }
        };
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // When it is asked again is decided here, where failures are counted.
        config.default_retry = false;
        let client = kube::Client::try_from(config).map_err(|why| AccessError::Client(chain(&why)))?;
        Ok(Self { client })
    }
}
