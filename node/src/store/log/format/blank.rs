//! Preallocated bytes: zeros that no record has overwritten.

/// One step of filling a segment's file ahead of time.
pub(crate) static ZEROS: [u8; 1 << 20] = [0; 1 << 20];

/// Whether all bytes are zero.
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    bytes
        .chunks(ZEROS.len())
        .all(|step| *step == ZEROS[..step.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_is_not_blank() {
        let mut bytes = vec![0; ZEROS.len() + 9];
        assert!(is_blank(&bytes) && is_blank(&[]));
        for at in [0, ZEROS.len() - 1, ZEROS.len(), ZEROS.len() + 8] {
            bytes[at] = 1;
            assert!(!is_blank(&bytes));
            bytes[at] = 0;
        }
    }
}
