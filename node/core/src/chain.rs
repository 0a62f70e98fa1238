//! A hash over a sequence of numbers.

/// A hash over a sequence of 64-bit numbers, added one by one.
///
/// Each step is a bijection, of the state and of the number. So two chains that differ stay
/// different for as long as equal numbers follow, and one number that differs always shows. The
/// values belong to stored state and are compared between builds: the steps never change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain(u64);

/// The golden ratio in 64 bits, which is odd.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

impl Chain {
    /// A chain that continues from a value.
    pub fn at(value: u64) -> Self {
        Self(value)
    }

    /// Adds a number. Takes some two nanoseconds.
    #[inline]
    pub fn add(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(FACTOR);
        self.0 = mixed ^ (mixed >> 32);
    }

    /// Adds a signed number.
    #[inline]
    pub fn add_signed(&mut self, number: i64) {
        self.add(number.cast_unsigned());
    }

    /// The hash of all numbers so far.
    pub fn value(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(numbers: &[u64]) -> u64 {
        let mut chain = Chain::at(1);
        numbers.iter().for_each(|number| chain.add(*number));
        chain.value()
    }

    #[test]
    fn the_steps_never_change() {
        assert_eq!(of(&[0, 1, u64::MAX]), 0xB681_C61A_932B_C1B1);
    }

    proptest! {
        #[test]
        fn one_number_that_differs_always_shows(
            mut numbers in prop::collection::vec(any::<u64>(), 1..20),
            place: prop::sample::Index,
            other: u64,
        ) {
            let before = of(&numbers);
            let place = place.index(numbers.len());
            let changed = &mut numbers[place];
            prop_assume!(*changed != other);
            *changed = other;
            prop_assert_ne!(of(&numbers), before);
        }
    }
}
