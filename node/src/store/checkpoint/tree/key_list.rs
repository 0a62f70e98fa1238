//! The keys of the records that commits changed.

/// Keys in the order of their changes, duplicates included, in one block of memory.
#[derive(Debug, Default)]
pub(crate) struct KeyList {
    /// Length (2) · whether there was a record before (1) · its hash (8) · key, repeated.
    bytes: Vec<u8>,
}

/// A changed key, and the hash of its record before the change; `None` if there was no record.
pub(crate) type Changed<'k> = (&'k [u8], Option<u64>);

impl KeyList {
    /// Size in bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Appends a later list.
    pub(crate) fn append(&mut self, later: &Self) {
        self.bytes.extend_from_slice(&later.bytes);
    }

    /// Adds a key, which has at most [`KEY_BYTES_MAX`](super::record::KEY_BYTES_MAX) bytes.
    pub(crate) fn push(&mut self, key: &[u8], hash_before: Option<u64>) {
        self.bytes
            .extend_from_slice(&(key.len() as u16).to_le_bytes());
        self.bytes.push(hash_before.is_some().into());
        self.bytes
            .extend_from_slice(&hash_before.unwrap_or_default().to_le_bytes());
        self.bytes.extend_from_slice(key);
    }

    /// All changes in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Changed<'_>> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let (length, behind) = rest.split_first_chunk()?;
            let (had_record, behind) = behind.split_first()?;
            let (hash, behind) = behind.split_first_chunk()?;
            let (key, behind) = behind.split_at_checked(u16::from_le_bytes(*length).into())?;
            rest = behind;
            Some((key, (*had_record == 1).then_some(u64::from_le_bytes(*hash))))
        })
    }
}
