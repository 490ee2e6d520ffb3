//! pitstop takes a server that was delivered as a *pack* from one update level to another: stage while it serves, stop
//! it, commit in milliseconds, start it, verify it, or put it back as it was.
//!
//! Dependencies point one way: `cli → verb → {observe, plan, apply, health} → {source, store, config, product} → bundle → {model, api}`.
//! [`plan`], [`lint`], [`merge`], [`fleet`], [`model`] and [`api`] are pure; [`sys`] is the only module that touches the operating system.

pub mod api;
pub mod apply;
pub mod bundle;
pub mod cli;
pub mod config;
pub mod fleet;
pub mod health;
pub mod lint;
pub mod memory;
pub mod merge;
pub mod model;
pub mod observe;
pub mod plan;
pub mod product;
pub mod session;
pub mod source;
pub mod store;
pub mod sys;
pub mod template;
pub mod trust;
pub mod verb;
