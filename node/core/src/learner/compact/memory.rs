//! Estimates of heap memory, and growth of lists.

/// The allocator's overhead per allocation, and the step and minimum of its sizes, bytes.
const BLOCK_OVERHEAD: usize = 8;
const BLOCK_STEP: usize = 16;
const BLOCK_LEAST: usize = 32;

/// Memory that an allocation takes, bytes. An empty one takes none.
pub fn allocation_bytes(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        _ => (bytes + BLOCK_OVERHEAD)
            .next_multiple_of(BLOCK_STEP)
            .max(BLOCK_LEAST),
    }
}

/// Memory of a vector's allocation, bytes.
pub fn vec_bytes<T>(vec: &Vec<T>) -> usize {
    allocation_bytes(vec.capacity() * size_of::<T>())
}

/// Reserves space for one more element. Grows by half instead of doubling, since most learners'
/// lists stay short.
pub fn reserve_one<T>(vec: &mut Vec<T>) {
    const FIRST_BYTES: usize = 128;
    if vec.len() == vec.capacity() {
        let first = FIRST_BYTES / size_of::<T>().max(1);
        vec.reserve_exact((vec.len() / 2).max(first).max(1));
    }
}
