//! The queue in front of an exporter: bounded, in memory.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::QueueSizer;
use crate::Batch;

/// Batches that wait for a destination, oldest first.
#[derive(Debug)]
pub(super) struct Queue {
    sizer: QueueSizer,
    capacity: u64,
    waiting: Mutex<VecDeque<Batch>>,
    /// What `waiting` holds, counted by the sizer; read without the lock by the metrics page.
    size: AtomicU64,
    closed: AtomicBool,
    arrived: Notify,
    left: Notify,
}

impl Queue {
    /// An empty queue.
    pub(super) fn new(sizer: QueueSizer, capacity: u64) -> Self {
        Self {
            sizer,
            capacity,
            waiting: Mutex::default(),
            size: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            arrived: Notify::new(),
            left: Notify::new(),
        }
    }

    /// Puts a batch at the end, or hands it back when it does not fit. An empty queue takes a batch of any size.
    ///
    /// What must happen once the batch is sure to be queued, such as settling its receipt, is done by `accepted`
    /// before a consumer can see it.
    pub(super) fn offer(&self, mut batch: Batch, accepted: impl FnOnce(&mut Batch)) -> Result<(), Batch> {
        let weight = self.weigh(&batch);
        let mut waiting = self.lock();
        let size = self.size.load(Ordering::Relaxed);
        let fits = size + weight <= self.capacity || waiting.is_empty();
        if !fits || self.closed.load(Ordering::Relaxed) {
            return Err(batch);
        }
        accepted(&mut batch);
        waiting.push_back(batch);
        self.size.store(size + weight, Ordering::Relaxed);
        drop(waiting);
        self.arrived.notify_one();
        Ok(())
    }

    /// Ends when something left the queue since this call.
    pub(super) fn room(&self) -> Notified<'_> {
        // Made here and not when first polled, so that nothing which leaves in between is missed.
        self.left.notified()
    }

    /// The oldest batch; waits for one, and gives None once the queue is closed and empty.
    pub(super) async fn take(&self) -> Option<Batch> {
        loop {
            let arrived = self.arrived.notified();
            if let Some(batch) = self.try_take() {
                return Some(batch);
            }
            if self.closed.load(Ordering::Acquire) {
                return None;
            }
            arrived.await;
        }
    }

    /// The oldest batch, if there is one.
    pub(super) fn try_take(&self) -> Option<Batch> {
        let mut waiting = self.lock();
        let batch = waiting.pop_front()?;
        let size = self.size.load(Ordering::Relaxed);
        self.size
            .store(size.saturating_sub(self.weigh(&batch)), Ordering::Relaxed);
        let more = !waiting.is_empty();
        drop(waiting);
        self.left.notify_waiters();
        if more {
            self.arrived.notify_one();
        }
        Some(batch)
    }

    /// Takes no more; consumers finish what waits.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.arrived.notify_waiters();
        self.left.notify_waiters();
    }

    /// Whether it was closed.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// How much waits, counted by the sizer.
    pub(super) fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    /// How much may wait.
    pub(super) fn capacity(&self) -> u64 {
        self.capacity
    }

    fn weigh(&self, batch: &Batch) -> u64 {
        match self.sizer {
            QueueSizer::Requests => 1,
            QueueSizer::Items => u64::from(batch.payload.items()),
            QueueSizer::Bytes => batch.payload.size() as u64,
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Batch>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
