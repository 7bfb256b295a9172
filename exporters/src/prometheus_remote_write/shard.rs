//! A share of a batch's series: requests one after another, in order.

use super::proto::{Encoded, Holds, Item, Protocol};
use crate::prometheus_series::{NO_POINT, Span, Table};

/// A share of a batch's series. What is settled is behind `next` and is never sent again.
#[derive(Debug, Default)]
pub(super) struct Shard {
    items: Vec<Item>,
    next: usize,
    /// Items that the next request may have; less than all after an answer of 413.
    items_max: Option<usize>,
    /// Some series has two items, because it was cut.
    is_cut: bool,
    /// So many at the end have times of their own, which a receiver may refuse while it takes the rest of the batch.
    aside: usize,
    pub(super) tally: Tally,
}

/// What became of the values of a batch.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Points of which something was refused.
    pub(super) lost: Vec<u32>,
    /// Values that the receiver did not write, without saying which.
    pub(super) unnamed: u64,
    /// Values that it wrote.
    pub(super) written: u64,
    /// Why, in the receiver's words; the first one.
    pub(super) cause: Option<String>,
}

/// Values that are worth a request of their own. Batches go one after another, so a series keeps its order however many
/// shards a batch has, and a request costs as much as some thousand values.
const VALUES_MIN: usize = 5_000;
/// The same for native histograms, each of which is as large as many values.
const HISTOGRAMS_MIN: usize = 100;

/// Series with times of their own that may share a request in 1.0: more fall together with one that is refused, fewer
/// make many requests of a page where all have such times.
const ASIDE_MAX: usize = 500;

/// Deals the series of a batch out to shards, by the hash of their labels: a series has one place in every batch. Those
/// with times of their own come last, the oldest first: what is too old for a receiver is together.
pub(super) fn deal(table: &Table, shards: usize) -> Vec<Shard> {
    let worth = table.samples.len() / VALUES_MIN + table.histograms.len() / HISTOGRAMS_MIN + 1;
    let count = shards.clamp(1, worth);
    let mut dealt: Vec<Shard> = Vec::new();
    dealt.resize_with(count, Shard::default);
    for shard in &mut dealt {
        // They differ by little; a tenth more spares most of them from growing.
        shard.items.reserve(table.series.len() / count * 11 / 10 + 1);
    }
    let own_times = table.own_times();
    // Without values are those whose values went to another series, or were refused.
    let with_values = (0..).zip(&table.series).filter(|(_, series)| !series.values.is_empty());
    let items = with_values.map(|(number, series)| {
        let item = Item {
            series: number,
            kept: series.kept,
            values: series.values,
            exemplars: series.exemplars,
        };
        ((series.hash % count as u64) as usize, item)
    });
    match dealt.as_mut_slice() {
        [alone] if own_times.is_empty() => alone.items.extend(items.map(|(_, item)| item)),
        shards if own_times.is_empty() => deal_out(shards, items),
        shards => {
            let (aside, together): (Vec<_>, Vec<_>) =
                items.partition(|(_, item)| own_times.binary_search(&item.series).is_ok());
            deal_out(shards, together.into_iter());
            deal_aside(table, shards, aside);
        }
    }
    dealt
}

fn deal_out(shards: &mut [Shard], items: impl Iterator<Item = (usize, Item)>) {
    for (number, item) in items {
        if let Some(shard) = shards.get_mut(number) {
            shard.items.push(item);
        }
    }
}

fn deal_aside(table: &Table, shards: &mut [Shard], mut aside: Vec<(usize, Item)>) {
    let first = |item: &Item| table.samples.get(item.values.start());
    aside.sort_by_key(|(_, item)| first(item).map_or(0, |sample| sample.stamp.time));
    for (number, item) in aside {
        if let Some(shard) = shards.get_mut(number) {
            shard.items.push(item);
            shard.aside += 1;
        }
    }
}

impl Shard {
    /// What is not settled.
    pub(super) fn rest(&self) -> &[Item] {
        self.items.get(self.next..).unwrap_or_default()
    }

    /// What the next request may have: no series twice, as it would be where one was cut. A receiver of 1.0 that finds one
    /// value too old or out of order takes nothing of the request, so what has times of its own is not together with the
    /// rest; one of 2.0 says how much it took.
    pub(super) fn ahead(&self, protocol: Protocol) -> &[Item] {
        let rest = self.rest();
        let rest = match rest.len().saturating_sub(self.aside) {
            _ if protocol != Protocol::V1 || self.aside == 0 => rest,
            0 => rest.get(..ASIDE_MAX).unwrap_or(rest),
            together => rest.get(..together).unwrap_or(rest),
        };
        let mut again = rest.array_windows().take_while(|_| self.is_cut);
        let again = again.position(|[one, next]| one.series == next.series);
        let count = again.map_or(rest.len(), |at| at + 1);
        let count = self.items_max.map_or(count, |items_max| items_max.min(count));
        rest.get(..count).unwrap_or_default()
    }

    /// The first `count` items need no further request.
    pub(super) fn settle(&mut self, count: usize) {
        self.next = (self.next + count).min(self.items.len());
        self.items_max = None;
    }

    /// The receiver took a request, or as much of it as it says.
    pub(super) fn took(&mut self, request: &Encoded, written: Option<Holds>) {
        let sent = request.holds.values();
        let written = written.map_or(sent, |written| written.values().min(sent));
        self.tally.written += written;
        self.tally.unnamed += sent - written;
        self.settle(request.items);
    }

    /// The receiver will never take a request. With a count of what it took, nobody knows which values are lost.
    pub(super) fn refused(&mut self, request: &Encoded, written: Option<Holds>, table: &Table, cause: String) -> u64 {
        let sent = request.holds.values();
        let written = written.map_or(0, |written| written.values().min(sent));
        if written > 0 {
            self.tally.written += written;
            self.tally.unnamed += sent - written;
        } else {
            let items = self.items.get(self.next..self.next + request.items).unwrap_or_default();
            let points = items.iter().flat_map(|item| points(table, item));
            self.tally.lost.extend(points);
        }
        self.tally.cause.get_or_insert(cause);
        self.settle(request.items);
        sent - written
    }

    /// Makes the next request smaller; false if it is one value already.
    pub(super) fn split(&mut self, items: usize) -> bool {
        if items > 1 {
            self.items_max = Some(items / 2);
            return true;
        }
        let is_aside = self.rest().len() <= self.aside;
        let Some(item) = self.items.get_mut(self.next).filter(|item| item.values.len() > 1) else {
            return false;
        };
        let (first, rest) = item.values.halves();
        let second = Item { values: rest, ..*item };
        self.aside += usize::from(is_aside);
        (item.values, item.exemplars) = (first, Span::default());
        self.is_cut = true;
        self.items.insert(self.next + 1, second);
        self.items_max = Some(1);
        true
    }
}

impl Holds {
    /// What counts as arrived or lost; exemplars are an extra.
    pub(super) fn values(&self) -> u64 {
        self.samples + self.histograms
    }
}

/// The data points that an item came from.
pub(super) fn points<'t>(table: &'t Table, item: &Item) -> impl Iterator<Item = u32> + 't {
    let is_native = table.series.get(item.series as usize).is_some_and(|it| it.is_native);
    item.values.range().filter_map(move |at| {
        let point = if is_native {
            table.histograms.get(at).map(|it| it.point)
        } else {
            table.samples.get(at).map(|it| it.point)
        };
        point.filter(|point| *point != NO_POINT)
    })
}
