//! What the thread that talks to the library and the tasks beside it have in common.
//!
//! Each thread gets a desk of its own. A thread that does not come back is left alone with it: whatever it still writes,
//! nobody reads.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::reading::Snapshot;

/// An event that the driver calls critical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Xid {
    pub(super) uuid: String,
    pub(super) index: u32,
    pub(super) number: u64,
    /// When it was heard of, in nanoseconds since 1970.
    pub(super) time_ns: u64,
}

/// Events that wait to be told; a device that makes more has said enough.
const XIDS_MAX: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Desk {
    board: Mutex<Board>,
    /// Wakes the thread from its pause.
    left: Condvar,
}

#[derive(Debug, Default)]
struct Board {
    /// Since when the thread is with the library.
    in_call_since: Option<Instant>,
    /// Nobody waits for the thread any more.
    is_left: bool,
    /// Why there is nothing to tell; None while there is.
    trouble: Option<String>,
    /// By device, as of the last round.
    devices: Vec<Snapshot>,
    xids: Vec<Xid>,
    xids_dropped: u64,
}

impl Desk {
    /// A desk at which nothing has been heard yet, for this reason.
    pub(super) fn new(why: &str) -> Arc<Self> {
        let desk = Self::default();
        desk.board().trouble = Some(why.to_owned());
        Arc::new(desk)
    }

    /// The thread goes to the library; false when it need not.
    pub(super) fn enter(&self, now: Instant) -> bool {
        let mut board = self.board();
        board.in_call_since = Some(now);
        !board.is_left
    }

    /// The thread is back with what the devices said, or with the reason why there is nothing.
    pub(super) fn leave(&self, found: Result<Vec<Snapshot>, String>) {
        let mut board = self.board();
        board.in_call_since = None;
        match found {
            Ok(devices) => (board.devices, board.trouble) = (devices, None),
            Err(why) => (board.devices, board.trouble) = (Vec::new(), Some(why)),
        }
    }

    /// Adds an event; what is beyond the limit is counted.
    pub(super) fn add_xid(&self, xid: Xid) {
        let mut board = self.board();
        if board.xids.len() < XIDS_MAX {
            board.xids.push(xid);
        } else {
            board.xids_dropped += 1;
        }
    }

    /// Events since the last time, and how many there was no room for.
    pub(super) fn take_xids(&self) -> (Vec<Xid>, u64) {
        let mut board = self.board();
        (std::mem::take(&mut board.xids), std::mem::take(&mut board.xids_dropped))
    }

    /// What the devices said last, or why they said nothing.
    pub(super) fn devices(&self) -> Result<Vec<Snapshot>, String> {
        let board = self.board();
        match &board.trouble {
            Some(why) => Err(why.clone()),
            None => Ok(board.devices.clone()),
        }
    }

    /// How many devices there are and how many of them answer, or why there is nothing.
    pub(super) fn answering(&self) -> Result<(usize, usize), String> {
        let board = self.board();
        match &board.trouble {
            Some(why) => Err(why.clone()),
            None => Ok((board.devices.len(), board.devices.iter().filter(|it| it.is_up).count())),
        }
    }

    /// How long the thread has been with the library.
    pub(super) fn in_call_for(&self, now: Instant) -> Option<Duration> {
        self.board()
            .in_call_since
            .map(|since| now.saturating_duration_since(since))
    }

    /// Nobody waits for the thread any more; it ends when it comes back.
    pub(super) fn abandon(&self) {
        self.board().is_left = true;
        self.left.notify_all();
    }

    /// Whether somebody still reads here.
    pub(super) fn is_left(&self) -> bool {
        self.board().is_left
    }

    /// Waits, unless the thread is no longer needed.
    pub(super) fn pause(&self, pause: Duration) {
        let board = self.board();
        let waited = self.left.wait_timeout_while(board, pause, |board| !board.is_left);
        drop(waited);
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
