//! What servers have told over TLS before they went.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::Error;

use super::alert::explained;

/// Servers whose words are kept at once. The next connection to a server, or the next request that it does not answer, takes its
/// words away, so only servers that nobody asks any more leave theirs behind.
const SERVERS_MAX: usize = 1_000;

/// The last refusal of each server, by its authority. A pool knows only that a connection is gone.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Arc<Mutex<HashMap<String, String>>>);

impl Heard {
    /// What a server has told, once: who asks next is to hear of what happened since.
    pub(super) fn take(&self, server: &str) -> Option<String> {
        self.servers().remove(server)
    }

    /// The server answers, or a connection to it is open again.
    pub(super) fn forget(&self, server: &str) {
        self.servers().remove(server);
    }

    /// An error of a connection with its remedy, if one is known; kept where it is the server that refused us.
    pub(super) fn explained(&self, server: &str, error: io::Error) -> io::Error {
        let is_of_tls = error.get_ref().is_some_and(|inner| inner.is::<Error>());
        let error = explained(error);
        if is_of_tls {
            self.keep(server, error.to_string());
        }
        error
    }

    fn keep(&self, server: &str, words: String) {
        let mut servers = self.servers();
        if servers.len() >= SERVERS_MAX {
            // They are explanations of failures that are told without them as well.
            servers.clear();
        }
        servers.insert(server.to_owned(), words);
    }

    fn servers(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_one_server_and_are_taken_once() {
        let heard = Heard::default();
        heard.keep("a:1", "no".to_owned());

        assert_eq!(heard.take("b:1"), None);
        assert_eq!(heard.take("a:1").as_deref(), Some("no"));
        assert_eq!(heard.take("a:1"), None);
    }

    #[test]
    fn servers_that_nobody_asks_any_more_take_no_room_for_ever() {
        let heard = Heard::default();
        for number in 0..=SERVERS_MAX {
            heard.keep(&number.to_string(), "no".to_owned());
        }

        assert!(heard.servers().len() <= SERVERS_MAX);
        assert!(heard.take(&SERVERS_MAX.to_string()).is_some());
    }
}
