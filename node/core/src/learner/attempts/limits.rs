//! How many attempts and skills are shown.

/// Number of attempts in the long rolling accuracy.
pub const ROLLING_LONG: usize = 20;
/// Number of attempts in the short rolling accuracy.
pub const ROLLING_SHORT: usize = 5;

/// Number of skills, the most recently attempted, that profiles list and that are kept beyond the
/// retention.
pub const SKILLS_KEPT: usize = 256;
