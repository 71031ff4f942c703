//! What must stay true across crates: architecture, shipped files, examples of the book, decoders under any bytes.
//!
//! Responsible for: the repository seen as data (its files, its crates, its dependency graph), and for what holds for
//! every decoder whatever it is given ([`targets`]). Not for: what a crate promises by itself; that is tested in the crate.

pub mod graph;
pub mod memory;
pub mod targets;
pub mod tree;
