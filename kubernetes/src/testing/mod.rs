//! An API server for tests, on loopback and without TLS: it lists, watches, forgets, refuses, hangs and talks nonsense when told to.

mod ask;
mod serve;
mod store;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use store::Fault;
use store::Store;

/// A simulated API server; it ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    store: Mutex<Store>,
    /// Changes with every change of the store.
    changed: watch::Sender<u64>,
    /// Changes when all connections must end.
    ended: watch::Sender<u64>,
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// One that has no objects and takes everybody.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared {
            store: Mutex::default(),
            changed: watch::Sender::new(0),
            ended: watch::Sender::new(0),
        });
        let mut server = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            shared,
            listening: None,
        };
        server.listen().await;
        server
    }

    /// Stops listening and breaks all connections; what it knows stays.
    pub fn kill(&mut self) {
        if let Some(listening) = &self.listening {
            listening.abort();
        }
        self.end_watches();
    }

    /// Listens, on the same port as before.
    ///
    /// # Panics
    /// When somebody else has got the port.
    #[allow(clippy::expect_used)] // Tests only.
    pub async fn listen(&mut self) {
        if let Some(before) = self.listening.take() {
            before.abort();
            // Only then the port is free; that it was aborted is known.
            let _ = before.await;
        }
        let listener = TcpListener::bind(self.address).await.expect("the port is free");
        self.address = listener.local_addr().expect("it listens");
        self.listening = Some(tokio::spawn(serve::accept(listener, Arc::clone(&self.shared))));
    }

    /// Ends all connections.
    pub fn end_watches(&self) {
        self.shared.ended.send_modify(|count| *count += 1);
    }

    /// Creates an object of a kind by its plural name, such as `pods`, or replaces it. Its uid is made of its names where it
    /// has none.
    pub fn put(&self, plural: &str, object: Value) {
        self.shared.store().put(plural, object);
        self.shared.changed.send_modify(|count| *count += 1);
    }

    /// Deletes an object; the namespace of those that are in none is empty.
    pub fn delete(&self, plural: &str, namespace: &str, name: &str) {
        self.shared.store().delete(plural, namespace, name);
        self.shared.changed.send_modify(|count| *count += 1);
    }

    /// Forgets what has happened: who watches from before now is told 410.
    pub fn compact(&self) {
        self.shared.store().compact();
    }

    /// Takes only who says this token, from now on.
    pub fn expect_token(&self, token: &str) {
        self.shared.store().token = Some(token.to_owned());
    }

    /// Answers requests of a verb (`list` or `watch`) for a kind so until [`Self::heal`].
    pub fn fail(&self, verb: &str, plural: &str, fault: Fault) {
        self.shared
            .store()
            .faults
            .insert((verb.to_owned(), plural.to_owned()), fault);
    }

    /// Answers as it should again.
    pub fn heal(&self) {
        self.shared.store().faults.clear();
    }

    /// Writes a line to everybody who watches a kind.
    pub fn say(&self, plural: &str, line: &str) {
        self.shared.store().say(plural, line);
        self.shared.changed.send_modify(|count| *count += 1);
    }

    /// The requests so far, as verb, kind and query.
    pub fn asked(&self) -> Vec<String> {
        self.shared.store().asked.clone()
    }

    /// Writes a kubeconfig for it, with the token in a file beside it; gives the path of the kubeconfig.
    ///
    /// # Panics
    /// When the folder cannot be written to.
    #[allow(clippy::expect_used)] // Tests only.
    pub fn kubeconfig(&self, folder: &Path, token: &str) -> PathBuf {
        let (path, token_path) = (folder.join("kubeconfig"), folder.join("token"));
        std::fs::write(&token_path, token).expect("the folder can be written to");
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": "test", "user": {"tokenFile": token_path}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        });
        std::fs::write(&path, config.to_string()).expect("the folder can be written to");
        path
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
