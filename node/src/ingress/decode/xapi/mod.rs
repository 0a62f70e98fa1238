//! From xAPI statements to events.

mod decode;
mod metadata;
mod skill;
mod sound;
mod standard;
mod statement;
mod translation;
mod values;
mod vocabulary;

pub use decode::{XAPI_SOURCE, decode_standard_xapi, decode_xapi};
pub use sound::{SoundStatement, decode_sound};
