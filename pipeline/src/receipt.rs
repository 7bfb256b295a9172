//! The promise that somebody will say how a batch ended.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::Outcome;

/// A move-only promise to say how a batch ended.
///
/// Whoever holds it must [`settle`](Self::settle) it. Fan-out [`split`](Self::split)s it, batching
/// [`join`](Self::join)s several; the sender hears the worst outcome once all parts are settled. A receipt that is
/// dropped unsettled says [`Outcome::Lost`], so a bug cannot lose data silently.
#[derive(Debug)]
#[must_use = "a receipt that is dropped tells the sender that its batch is lost"]
pub struct Receipt {
    /// None once settled.
    promise: Option<Arc<Promise>>,
}

/// What the parts of one split receipt share; the last part to settle tells the waiting side.
#[derive(Debug)]
struct Promise {
    open: AtomicUsize,
    told: Mutex<Told>,
}

#[derive(Debug)]
struct Told {
    worst: Outcome,
    listener: Listener,
}

#[derive(Debug)]
enum Listener {
    Nobody,
    Door(oneshot::Sender<Outcome>),
    Joined(Vec<Receipt>),
}

/// The waiting side of a receipt: a future of the outcome.
#[derive(Debug)]
pub struct Verdict(oneshot::Receiver<Outcome>);

impl Receipt {
    /// A receipt and the future of its outcome.
    pub fn pair() -> (Self, Verdict) {
        let (sender, receiver) = oneshot::channel();
        (Self::new(Listener::Door(sender)), Verdict(receiver))
    }

    /// A receipt that nobody waits for: for batches that this process made. The ledger still counts them.
    pub fn unheard() -> Self {
        Self::new(Listener::Nobody)
    }

    /// One receipt for a batch that was merged from several; its outcome is told to all of them.
    pub fn join(receipts: Vec<Self>) -> Self {
        Self::new(Listener::Joined(receipts))
    }

    /// Says how this batch, or this part of it, ended.
    pub fn settle(mut self, outcome: Outcome) {
        self.tell(outcome);
    }

    /// Another part of the same promise: the sender hears the worst of all parts.
    pub fn split(&self) -> Self {
        if let Some(promise) = &self.promise {
            promise.open.fetch_add(1, Ordering::Relaxed);
        }
        Self {
            promise: self.promise.clone(),
        }
    }

    /// Whether everybody whose items are in the batch still waits to hear how it ends. Who was told that the items are
    /// safe will not send them again, so a batch that this is false for must not be refused.
    pub fn is_heard_by_all(&self) -> bool {
        let Some(promise) = &self.promise else { return false };
        let told = promise.told.lock().unwrap_or_else(PoisonError::into_inner);
        match &told.listener {
            Listener::Nobody => false,
            Listener::Door(_) => true,
            Listener::Joined(receipts) => receipts.iter().all(Self::is_heard_by_all),
        }
    }

    fn new(listener: Listener) -> Self {
        let told = Mutex::new(Told {
            worst: Outcome::Delivered,
            listener,
        });
        Self {
            promise: Some(Arc::new(Promise {
                open: AtomicUsize::new(1),
                told,
            })),
        }
    }

    fn tell(&mut self, outcome: Outcome) {
        let Some(promise) = self.promise.take() else { return };
        let mut told = promise.told.lock().unwrap_or_else(PoisonError::into_inner);
        let so_far = std::mem::replace(&mut told.worst, Outcome::Delivered);
        told.worst = so_far.worst(outcome);
        // AcqRel is more than the lock needs; it keeps the count right for readers without the lock.
        let last = promise.open.fetch_sub(1, Ordering::AcqRel) == 1;
        if !last {
            return;
        }
        let worst = std::mem::replace(&mut told.worst, Outcome::Delivered);
        let listener = std::mem::replace(&mut told.listener, Listener::Nobody);
        drop(told);
        listener.hear(worst);
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if self.promise.is_some() {
            tracing::error!("a batch was dropped without a verdict; its sender is told that it is lost");
            self.tell(Outcome::Lost);
        }
    }
}

impl Listener {
    fn hear(self, outcome: Outcome) {
        match self {
            Self::Nobody => {}
            // The sender may have gone away; then there is nobody to tell.
            Self::Door(door) => drop(door.send(outcome)),
            Self::Joined(receipts) => receipts.into_iter().for_each(|receipt| receipt.settle(outcome.clone())),
        }
    }
}

impl Future for Verdict {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|told| told.unwrap_or(Outcome::Lost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_sender_hears_the_worst_of_all_parts() {
        let (receipt, verdict) = Receipt::pair();
        let other = receipt.split();

        receipt.settle(Outcome::Delivered);
        other.settle(Outcome::retry("queue full"));

        assert_eq!(verdict.await, Outcome::retry("queue full"));
    }

    #[tokio::test]
    async fn a_dropped_receipt_says_lost() {
        let (receipt, verdict) = Receipt::pair();

        drop(receipt);

        assert_eq!(verdict.await, Outcome::Lost);
    }

    #[tokio::test]
    async fn a_joined_receipt_tells_every_sender() {
        let (one, first) = Receipt::pair();
        let (two, second) = Receipt::pair();

        Receipt::join(vec![one, two]).settle(Outcome::Queued);

        assert_eq!((first.await, second.await), (Outcome::Queued, Outcome::Queued));
    }

    #[tokio::test]
    async fn a_merged_batch_is_heard_by_all_only_if_each_part_is() {
        let (one, _first) = Receipt::pair();
        let (two, _second) = Receipt::pair();
        let all = Receipt::join(vec![one, two]);
        assert!(all.is_heard_by_all());

        let mixed = Receipt::join(vec![all, Receipt::unheard()]);

        assert!(!mixed.is_heard_by_all());
        mixed.settle(Outcome::Delivered);
    }

    #[tokio::test]
    async fn nothing_is_told_before_the_last_part_is_settled() {
        let (receipt, mut verdict) = Receipt::pair();
        let other = receipt.split();

        receipt.settle(Outcome::Delivered);

        assert!(verdict.0.try_recv().is_err());
        other.settle(Outcome::Delivered);
        assert_eq!(verdict.await, Outcome::Delivered);
    }
}
