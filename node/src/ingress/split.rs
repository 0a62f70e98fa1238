//! Bodies that hold several deliveries.

use serde_json::value::RawValue;

/// The body is no JSON: nothing in it can be told apart.
#[derive(Debug, thiserror::Error)]
#[error("no JSON: {0}")]
pub struct SplitError(#[from] serde_json::Error);

/// The deliveries of a JSON body: the elements of an array, else the one value that it is. Their own shape is not looked at.
///
/// # Errors
/// When the body is no JSON.
pub fn split_statements(body: &[u8]) -> Result<Vec<&RawValue>, SplitError> {
    if body.trim_ascii_start().starts_with(b"[") {
        Ok(serde_json::from_slice(body)?)
    } else {
        Ok(vec![serde_json::from_slice(body)?])
    }
}

/// The deliveries of a body with one on each line; blank lines are none.
pub fn split_lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
}
