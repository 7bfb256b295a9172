//! Credentials that a test gives to exporters.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pipeline::component::Setup;
use pipeline::context::authenticators::Credentials;

/// Shows what it is told to, as `keys/main`.
pub(crate) struct Key(Mutex<Bytes>);

impl Key {
    /// Known to whoever is built with `setup`.
    pub(crate) fn known_to(setup: &Setup) -> Arc<Self> {
        let key = Arc::new(Self(Mutex::new(Bytes::from_static(b"Key one"))));
        let id = "keys/main".parse().unwrap();
        setup
            .context
            .authenticators
            .add_credentials(id, Arc::clone(&key) as Arc<_>);
        key
    }

    pub(crate) fn change(&self, shown: &'static str) {
        *self.0.lock().unwrap() = Bytes::from_static(shown.as_bytes());
    }
}

impl Credentials for Key {
    fn header(&self) -> &str {
        "x-api-key"
    }

    fn shown(&self) -> Bytes {
        self.0.lock().unwrap().clone()
    }
}

/// What a configuration says to show them.
pub(crate) const AUTH: &str = "auth: {authenticator: keys/main}";
