#![doc = include_str!("../README.md")]

mod budget;
mod client;
mod clock;
mod command;
mod config;
mod connection;
mod float;
mod number;
#[cfg(test)]
#[path = "../../tests/common/property.rs"]
mod property;
pub mod protocol;
mod server;
mod shared;
mod store;

pub use config::Config;
pub use server::Server;
