//! The rules of the tree: which way imports run, how long files, functions and comments are, that
//! every file states its purpose, which words are banned, and that documents link to what exists.
//!
//! A fault is fixed, or listed with its reason. A list only shrinks: an entry that is no longer
//! needed fails as well.

mod arrows;
mod documents;
mod headers;
mod imports;
mod lengths;
mod loose_ends;
mod rooms;
mod tree;
mod words;
