//! What a learner takes in memory, as near as can be said without asking the allocator.

/// What an allocator keeps beside each block, and the step between the sizes of blocks, bytes.
const BLOCK_OVERHEAD: usize = 8;
const BLOCK_STEP: usize = 16;
const BLOCK_LEAST: usize = 32;

/// What a block of so many bytes takes; nothing takes nothing.
pub fn allocation_bytes(bytes: usize) -> usize {
    match bytes {
        0 => 0,
        _ => (bytes + BLOCK_OVERHEAD)
            .next_multiple_of(BLOCK_STEP)
            .max(BLOCK_LEAST),
    }
}

/// What a vector's own block takes.
pub fn vec_bytes<T>(vec: &Vec<T>) -> usize {
    allocation_bytes(vec.capacity() * size_of::<T>())
}

/// Makes room for one more element: growth by halves, since most learners' lists stay short.
pub fn reserve_one<T>(vec: &mut Vec<T>) {
    const FIRST_BYTES: usize = 128;
    if vec.len() == vec.capacity() {
        let first = FIRST_BYTES / size_of::<T>().max(1);
        vec.reserve_exact((vec.len() / 2).max(first).max(1));
    }
}
