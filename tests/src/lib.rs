//! What must stay true across crates: architecture, shipped files, examples of the book.
//!
//! Responsible for: the repository seen as data (its files, its crates, its dependency graph). Not for: what a crate
//! promises by itself; that is tested in the crate.

pub mod graph;
pub mod tree;
