//! The API server that a configuration names, and who we are to it.

use std::sync::Arc;

use ::kubernetes::{Access, AccessError, Cluster};
use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response, Uri};
use hyper::body::Incoming;
use net::client::http::Getter;
use pipeline::component::{BuildError, Setup};
use pipeline::outside::Storage;

use super::super::super::config::{KubernetesSdConfig, Scheme};
use super::super::super::credentials::Credentials;

/// A server that `api_server` names, reached with Prometheus' keys.
struct Server {
    /// Scheme, host and the path in front of those of the API, without a slash at its end.
    base: String,
    getter: Getter,
    credentials: Credentials,
    storage: Arc<dyn Storage>,
}

/// The cluster that a configuration names. Nothing is asked yet.
pub(super) async fn cluster(config: &KubernetesSdConfig, setup: &Setup) -> Result<Cluster, BuildError> {
    let own = &config.own;
    if !own.api_server.is_empty() {
        let server = Arc::new(Server::new(config, setup)?);
        let ask = move |request| {
            let server = Arc::clone(&server);
            async move { server.ask(request).await }
        };
        return Ok(Cluster::asked_by(ask));
    }
    let access = match own.kubeconfig_file.as_str() {
        "" => Access::ServiceAccount,
        path => Access::Kubeconfig {
            path: path.into(),
            context: None,
        },
    };
    Cluster::new(&access).await.map_err(|why| match why {
        AccessError::ServiceAccount(why) => BuildError::new(format!(
            "kubernetes_sd_configs: this is no pod with a service account: {why}\nwrite api_server or kubeconfig_file \
             outside of a cluster; in a pod, set `automountServiceAccountToken: true`"
        )),
        why => BuildError::new(format!("kubernetes_sd_configs: {why}")),
    })
}

impl Server {
    fn new(config: &KubernetesSdConfig, setup: &Setup) -> Result<Self, BuildError> {
        let base = &config.own.api_server;
        let redirects = config.follows_redirects();
        let url: Uri = base
            .parse()
            .map_err(|why| BuildError::new(format!("api_server: {base} is not a URL: {why}")))?;
        let https = redirects || url.scheme_str() == Some(Scheme::Https.name());
        // The body of a watch never ends, so it is not decompressed piece by piece.
        let getter = config.access.get_config(https, redirects, false);
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            getter: Getter::new(&getter, &setup.outside)?,
            credentials: Credentials::of(&config.access.own),
            storage: Arc::clone(&setup.outside.storage),
        })
    }

    async fn ask(&self, request: Request<()>) -> Result<Response<Incoming>, String> {
        let (head, ()) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let url: Uri = format!("{}{path}", self.base)
            .parse()
            .map_err(|why| format!("{}{path} is not a URL: {why}", self.base))?;
        let mut headers: HeaderMap = head.headers;
        if let Some(shown) = self.credentials.header(&self.storage).await? {
            headers.insert(AUTHORIZATION, shown);
        }
        self.getter.open(&url, headers).await.map_err(|why| why.to_string())
    }
}
