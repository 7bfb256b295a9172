//! Making requests without sending them, for benches.

use std::time::Instant;

use pipeline::payload::Metrics;

use super::Config;
use super::proto::{Room, encode};
use super::shard;
use crate::prometheus_series::Translator;

/// The requests of one exporter, one batch after another.
#[derive(Debug)]
pub struct Requests {
    translator: Translator,
    room: Room,
    config: Config,
}

/// How long the requests of a batch are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lengths {
    /// Before they are compressed.
    pub raw: usize,
    /// As they are sent; 0 where they were not to be compressed.
    pub packed: usize,
}

impl Requests {
    /// As an exporter with this configuration makes them.
    pub fn of(config: Config) -> Self {
        let mut translator = Translator::new(config.settings());
        translator.take_scrapes(config.protocol().heads());
        Self {
            translator,
            room: Room::default(),
            config,
        }
    }

    /// Makes the requests of a batch.
    pub fn make(&mut self, metrics: &Metrics, now: Instant, packs: bool) -> Lengths {
        let table = self.translator.translate(metrics, now);
        let mut lengths = Lengths::default();
        for mut shard in shard::deal(&table, self.config.shards()) {
            while !shard.rest().is_empty() {
                let (protocol, bytes_max) = (self.config.protocol(), self.config.own.max_batch_size_bytes);
                let request = encode(&table, shard.ahead(protocol), protocol, bytes_max, &mut self.room);
                lengths.raw += request.body.len();
                if packs {
                    lengths.packed += self
                        .room
                        .pack(&request.body, request.texts)
                        .map_or(0, |packed| packed.len());
                }
                shard.settle(request.items);
                self.room.give_back(request.body);
            }
        }
        self.translator.give_back(table);
        lengths
    }
}
