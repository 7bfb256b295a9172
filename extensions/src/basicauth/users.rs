//! Users, and whether a password is theirs.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pipeline::component::BuildError;
use pipeline::context::authenticators::{Authenticator, Unauthenticated};
use pipeline::payload::base64;
use pipeline::{Method, Subject};
use tokio::sync::Semaphore;

use super::hash::Hash;
use crate::digest::Digest;

/// Slow comparisons at once. They take a whole core each, and the pipelines need the others.
const COMPARISONS_MAX: usize = 2;

/// Senders that wait for one; more are asked to come again. Those who have been let in before wait for nobody.
const WAITING_MAX: usize = 64;

/// Users of one extension; a list of more would be a data base.
const USERS_MAX: usize = 1_000;

/// All users of one extension.
pub(super) struct Users {
    inline: String,
    known: RwLock<Arc<Known>>,
    comparisons: Arc<Semaphore>,
    waiting: Semaphore,
}

#[derive(Default)]
struct Known {
    users: HashMap<String, Arc<User>>,
    /// Who is compared in the place of somebody who does not exist: one of those with the slowest hash.
    stand_in: Option<Arc<User>>,
}

struct User {
    subject: Arc<Subject>,
    hash: Hash,
    /// The password that was found to be theirs, so that each of their requests need not take milliseconds.
    found: Mutex<Option<Digest>>,
}

impl Users {
    /// Those of a configuration, with the file that it names.
    pub(super) fn new(inline: &str, file: Option<&str>) -> Result<Self, BuildError> {
        let own = Self {
            inline: inline.to_owned(),
            known: RwLock::default(),
            comparisons: Arc::new(Semaphore::new(COMPARISONS_MAX)),
            waiting: Semaphore::new(WAITING_MAX),
        };
        own.learn(file.unwrap_or_default())?;
        Ok(own)
    }

    /// Takes the users of a file in the place of those it held before.
    pub(super) fn learn(&self, file: &str) -> Result<(), BuildError> {
        let wrong = |problem: String| BuildError::new(format!("htpasswd: {problem}"));
        let lines = self.inline.lines().chain(file.lines());
        let mut users = HashMap::new();
        for (name, hash) in
            read(lines).map_err(|(line, why)| wrong(format!("line {line}, inline ones first, {why}")))?
        {
            let subject = Arc::new(Subject {
                method: Method::Password,
                names: vec![name.clone()],
            });
            let user = Arc::new(User {
                subject,
                hash,
                found: Mutex::default(),
            });
            users.entry(name).or_insert(user);
        }
        check_count(users.len()).map_err(wrong)?;
        let stand_in = users.values().max_by_key(|user| user.hash.slowness()).cloned();
        let known = Arc::new(Known { users, stand_in });
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    async fn find(&self, shown: &[u8]) -> Result<Arc<Subject>, Unauthenticated> {
        let (name, password) = pair(shown).ok_or(Unauthenticated::Malformed)?;
        let known = Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner));
        // Of somebody who does not exist another's password is compared, so that the time does not tell.
        let user = known.users.get(&name).or(known.stand_in.as_ref());
        let user = Arc::clone(user.ok_or(Unauthenticated::Wrong)?);
        let is_theirs = match user.knows(&password) {
            Some(is_theirs) => is_theirs,
            None => self.compare(&user, password).await?,
        };
        let exists = known.users.contains_key(&name);
        (exists && is_theirs)
            .then(|| Arc::clone(&user.subject))
            .ok_or(Unauthenticated::Wrong)
    }

    /// Compares beside the requests of others.
    async fn compare(&self, user: &Arc<User>, password: Vec<u8>) -> Result<bool, Unauthenticated> {
        let _place = self.waiting.try_acquire().map_err(|_| Unauthenticated::Busy)?;
        let turn = Arc::clone(&self.comparisons).acquire_owned().await;
        let turn = turn.map_err(|_| Unauthenticated::Busy)?;
        let user = Arc::clone(user);
        let comparing = tokio::task::spawn_blocking(move || {
            // Held until it is done, also where nobody waits for it any more.
            let _turn = turn;
            let is_theirs = user.hash.is_of(&password);
            if is_theirs {
                *user.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(Digest::of(&password));
            }
            is_theirs
        });
        comparing.await.map_err(|_| Unauthenticated::Busy)
    }
}

/// What is wrong with inline users; without a file there have to be some.
pub(super) fn check(inline: &str, has_file: bool) -> Result<(), String> {
    let users = read(inline.lines()).map_err(|(line, why)| format!("line {line} {why}"))?;
    if users.is_empty() && has_file {
        return Ok(());
    }
    let names: BTreeSet<String> = users.into_iter().map(|(name, _)| name).collect();
    check_count(names.len())
}

/// Users with their passwords as they are kept, or the number of a line and what is wrong with it.
fn read<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<(String, Hash)>, (usize, String)> {
    let mut users = Vec::new();
    for (number, line) in (1..).zip(lines) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // A message never shows the line: it may hold a password.
        let Some((name, hash)) = line.split_once(':') else {
            return Err((number, "has no colon behind the user".to_owned()));
        };
        let hash = Hash::parse(hash).map_err(|why| {
            (
                number,
                format!("is wrong: what stands for the password of {name:?} {why}"),
            )
        })?;
        users.push((name.to_owned(), hash));
    }
    Ok(users)
}

fn check_count(users: usize) -> Result<(), String> {
    match users {
        0 => Err("there are no users".to_owned()),
        1..=USERS_MAX => Ok(()),
        _ => Err(format!("there are more than {USERS_MAX} users")),
    }
}

impl User {
    /// Whether this is their password, where that can be said at once.
    fn knows(&self, password: &[u8]) -> Option<bool> {
        if !self.hash.is_slow() {
            return Some(self.hash.is_of(password));
        }
        let found = *self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found?.is(&Digest::of(password)).then_some(true)
    }
}

impl Authenticator for Users {
    fn header(&self) -> &str {
        "authorization"
    }

    fn challenge(&self) -> &str {
        "Basic realm=\"inferscope\", charset=\"UTF-8\""
    }

    fn authenticate<'a>(&'a self, shown: &'a [u8]) -> BoxFuture<'a, Result<Arc<Subject>, Unauthenticated>> {
        self.find(shown).boxed()
    }
}

/// User and password of `Basic <base64 of user:password>` (RFC 7617).
fn pair(shown: &[u8]) -> Option<(String, Vec<u8>)> {
    let (scheme, digits) = shown.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let mut bytes = Vec::new();
    if !base64::decode(digits.trim_ascii(), &mut bytes) {
        return None;
    }
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let password = bytes.split_off(colon + 1);
    bytes.pop();
    Some((String::from_utf8(bytes).ok()?, password))
}
