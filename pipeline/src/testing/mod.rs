//! Harnesses for tests: the contract that every component keeps, and files that are made up.

pub mod contract;
mod storage;

pub use contract::contract;
pub use storage::ReadOnly;
