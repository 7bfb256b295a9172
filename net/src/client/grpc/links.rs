//! All connections of one client: opened when they are needed, spread over the addresses of a name.
//!
//! Nothing is dialled before the first request. While no connection is usable a *round* is under way: the name is
//! looked up again and every address without a connection is dialled. A round belongs to no request, so a request
//! that is abandoned does not cut off the connection that the next one needs.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use pipeline::outside::Outside;
use tokio::sync::watch;

use super::config::{Balancer, KeepaliveConfig};
use super::link::{DIAL_TIMEOUT, Link};
use crate::client::GrpcEndpoint;
use crate::client::dial::{Address, Tls};

/// Addresses of one name that get a connection. A gateway has a handful of replicas; more connections than this from
/// every client would hurt it.
const ADDRESSES_MAX: usize = 64;

/// While some connections work, the missing ones are looked for after this long, then after twice as long each time
/// up to [`LOOK_AGAIN_MAX`]: `localhost` with an IPv6 address that nobody listens on is no reason for unrest.
const LOOK_AGAIN_MIN: Duration = Duration::from_secs(5);

/// gRPC's own limit ("connection back-off").
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(120);

/// Rounds that one request sees through before it gives up on a server that closes what it accepts.
const ROUNDS_MAX: u32 = 3;

/// How long a client that waits for a connection rests between two rounds.
const READY_POLL: Duration = Duration::from_secs(1);

/// All connections of one client; cheap to clone.
#[derive(Clone)]
pub(super) struct Links {
    shared: Arc<Shared>,
}

struct Shared {
    endpoint: GrpcEndpoint,
    tls: Option<Tls>,
    keepalive: Option<KeepaliveConfig>,
    balancer: Balancer,
    outside: Outside,
    pool: Mutex<Pool>,
}

#[derive(Default)]
struct Pool {
    links: Vec<Link>,
    /// Whose turn it is.
    turn: usize,
    /// The round under way, or the last one.
    round: Option<watch::Receiver<Round>>,
    round_at: Option<Instant>,
    /// Rounds that have begun.
    rounds: u64,
    /// A connection was lost, or an address did not answer in the last round: how long after that round to look again.
    look_again: Option<Duration>,
    /// Why the last connection ended that ended with an error, and how many rounds had begun by then.
    ended: Option<(u64, String)>,
}

#[derive(Debug, Clone)]
enum Round {
    UnderWay,
    /// At least one connection is there.
    Connected,
    Failed(String),
}

impl Links {
    pub(super) fn new(
        endpoint: GrpcEndpoint,
        tls: Option<Tls>,
        keepalive: Option<KeepaliveConfig>,
        balancer: Balancer,
        outside: Outside,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                endpoint,
                tls,
                keepalive,
                balancer,
                outside,
                pool: Mutex::default(),
            }),
        }
    }

    /// A usable connection, or why there is none. With `patient` it waits for one as long as it takes.
    pub(super) async fn pick(&self, patient: bool) -> Result<Link, String> {
        let mut rounds = 0;
        let mut first = None;
        loop {
            let (number, mut round) = match self.shared.usable() {
                Picked::Link(link) => return Ok(link),
                Picked::Round(number, round) => (number, round),
            };
            let first = *first.get_or_insert(number);
            let ended = round
                .wait_for(|round| !matches!(round, Round::UnderWay))
                .await
                .map(|ended| ended.clone());
            rounds += 1;
            let problem = match ended {
                // It was lost again before we came to use it; that may be a restart, so another round is worth it.
                Ok(Round::Connected) if rounds < ROUNDS_MAX => continue,
                Ok(Round::Connected) => match self.shared.pool().ended_since(first) {
                    Some(why) => format!("connections close as soon as they are open: {why}"),
                    None => "connections close as soon as they are open".to_owned(),
                },
                Ok(Round::Failed(problem)) => problem,
                Ok(Round::UnderWay) | Err(_) => "the attempt to connect was interrupted".to_owned(),
            };
            if !patient {
                return Err(problem);
            }
            tracing::debug!(endpoint = %self.shared.endpoint, problem, "waits for a connection");
            tokio::time::sleep(READY_POLL).await;
        }
    }

    /// Lets go of all connections; each closes once its requests are answered.
    pub(super) fn close(&self) {
        self.shared.pool().links.clear();
    }
}

enum Picked {
    Link(Link),
    /// With its number.
    Round(u64, watch::Receiver<Round>),
}

impl Shared {
    fn pool(&self) -> MutexGuard<'_, Pool> {
        // A panic while it is held cannot leave it half changed.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usable(self: &Arc<Self>) -> Picked {
        let mut pool = self.pool();
        let before = pool.links.len();
        let ended = pool.links.iter().find_map(Link::ended).map(str::to_owned);
        if let Some(why) = ended {
            pool.ended = Some((pool.rounds, why));
        }
        pool.links.retain(Link::is_usable);
        if pool.links.len() < before {
            pool.look_again = Some(LOOK_AGAIN_MIN);
        }
        let Some(link) = pool.next() else {
            let round = self.round(&mut pool);
            return Picked::Round(pool.rounds, round);
        };
        if let Some(wait) = pool.look_again
            && pool
                .round_at
                .is_none_or(|last| self.outside.clock.now().saturating_duration_since(last) >= wait)
        {
            self.round(&mut pool);
        }
        Picked::Link(link)
    }

    /// The round under way, or a new one.
    fn round(self: &Arc<Self>, pool: &mut Pool) -> watch::Receiver<Round> {
        if let Some(round) = &pool.round
            && matches!(*round.borrow(), Round::UnderWay)
            && round.has_changed().is_ok()
        {
            return round.clone();
        }
        let (teller, round) = watch::channel(Round::UnderWay);
        pool.round = Some(round.clone());
        pool.rounds += 1;
        pool.round_at = Some(self.outside.clock.now());
        tokio::spawn(Arc::clone(self).look(teller));
        round
    }

    /// Looks the name up and dials every address that has no connection.
    async fn look(self: Arc<Self>, teller: watch::Sender<Round>) {
        let addresses = match self.addresses().await {
            Ok(addresses) => addresses,
            Err(problem) => {
                self.pool().look_later();
                teller.send_replace(Round::Failed(problem.to_string()));
                return;
            }
        };
        let missing = self.missing(&addresses);
        let problem = match self.balancer {
            Balancer::RoundRobin => self.dial_all(missing, &teller).await,
            Balancer::PickFirst => self.dial_in_turn(missing).await,
        };
        let mut pool = self.pool();
        match problem {
            Some(_) => pool.look_later(),
            None => pool.look_again = None,
        }
        let outcome = match problem {
            Some(problem) if pool.links.is_empty() => Round::Failed(problem),
            _ => Round::Connected,
        };
        drop(pool);
        teller.send_replace(outcome);
    }

    async fn addresses(&self) -> io::Result<Vec<Address>> {
        if let Some(path) = self.endpoint.socket() {
            return Ok(vec![Address::Unix(path.to_owned())]);
        }
        let Some(name) = self.endpoint.name() else {
            let name = self.endpoint.address().unwrap_or_default();
            return Ok(vec![Address::Name(name.to_owned())]);
        };
        let looked_up = tokio::time::timeout(DIAL_TIMEOUT, self.outside.network.resolve(name)).await;
        let sockets = looked_up.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let unknown =
            |cause: io::Error| io::Error::new(cause.kind(), format!("{name} could not be looked up: {cause}"));
        let mut addresses = Vec::new();
        for socket in sockets.map_err(unknown)? {
            let address = Address::Socket(socket);
            if !addresses.contains(&address) && addresses.len() < ADDRESSES_MAX {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("{name} has no address"),
            ));
        }
        Ok(addresses)
    }

    /// Lets go of connections to addresses that are gone, and says which addresses need one.
    fn missing(&self, addresses: &[Address]) -> Vec<Address> {
        let mut pool = self.pool();
        pool.links
            .retain(|link| link.is_usable() && addresses.contains(&link.address));
        let has_link = |address: &Address| pool.links.iter().any(|link| link.address == *address);
        addresses.iter().filter(|address| !has_link(address)).cloned().collect()
    }

    /// Dials all at once; whoever waits goes on with the first that answers. Returns the first problem.
    async fn dial_all(&self, addresses: Vec<Address>, teller: &watch::Sender<Round>) -> Option<String> {
        let mut dials: FuturesUnordered<_> = addresses.into_iter().map(|address| self.dial(address)).collect();
        let mut first_problem = None;
        while let Some(dialled) = dials.next().await {
            match dialled {
                Ok(link) => {
                    self.pool().add(link);
                    teller.send_replace(Round::Connected);
                }
                Err(problem) => drop(first_problem.get_or_insert(problem)),
            }
        }
        first_problem
    }

    /// Dials one after the other until one answers. Returns the first problem where none did.
    async fn dial_in_turn(&self, addresses: Vec<Address>) -> Option<String> {
        if !self.pool().links.is_empty() {
            return None;
        }
        let mut first_problem = None;
        for address in addresses {
            match self.dial(address).await {
                Ok(link) => {
                    self.pool().add(link);
                    return None;
                }
                Err(problem) => drop(first_problem.get_or_insert(problem)),
            }
        }
        first_problem
    }

    async fn dial(&self, address: Address) -> Result<Link, String> {
        let opened = Link::open(
            self.outside.network.as_ref(),
            address.clone(),
            self.tls.as_ref(),
            self.keepalive,
        )
        .await;
        opened.map_err(|problem| format!("cannot connect to {address}: {problem}"))
    }
}

impl Pool {
    fn next(&mut self) -> Option<Link> {
        let turn = self.turn;
        self.turn = turn.wrapping_add(1);
        let index = turn.checked_rem(self.links.len())?;
        self.links.get(index).cloned()
    }

    /// An address keeps the connection it has: a slow dial of an earlier round may come in late.
    fn add(&mut self, link: Link) {
        let known = self
            .links
            .iter()
            .any(|one| one.address == link.address && one.is_usable());
        if !known {
            self.links.push(link);
        }
    }

    /// Why connections of this round or a later one end. What ended earlier did so for reasons of its own.
    fn ended_since(&self, first: u64) -> Option<&str> {
        let (round, why) = self.ended.as_ref()?;
        (*round >= first).then_some(why)
    }

    fn look_later(&mut self) {
        let wait = self.look_again.map_or(LOOK_AGAIN_MIN, |wait| wait * 2);
        self.look_again = Some(wait.min(LOOK_AGAIN_MAX));
    }
}
