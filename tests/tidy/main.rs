//! The tree itself, held to its rules: which way arrows between modules run, how long files and functions are, what every file
//! says of itself, which words have no place here, and that the documents point at what exists.
//!
//! What breaks a rule is fixed, or stands in an explicit list with its reason. A list only shrinks: an entry that is no longer
//! needed fails too.

mod arrows;
mod documents;
mod headers;
mod imports;
mod lengths;
mod loose_ends;
mod rooms;
mod tree;
mod words;
