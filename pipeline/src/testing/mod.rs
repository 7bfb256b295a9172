//! Harnesses for tests: the contract that every component keeps.

pub mod contract;

pub use contract::contract;
