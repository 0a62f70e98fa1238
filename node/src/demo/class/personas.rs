//! The names of the class, and the persona of each learner.

/// A typical behaviour of a learner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Persona {
    /// Reads, watches, practises.
    Steady,
    /// Tries one item again and again without success.
    Stuck,
    /// Answers wrong on one skill, item after item.
    Guessing,
    /// Plays one video over and over.
    Rewatching,
    /// Starts a video and leaves it running.
    LeftRunning,
    /// Stops for a long time.
    Drifting,
    /// Answers well at first, then worse and worse.
    Fading,
    /// Is enrolled, and never arrives.
    Absent,
}

const FIRST: [&str; 40] = [
    "mia", "noah", "emma", "liam", "sofia", "lucas", "amara", "mateo", "yuki", "omar", "lena",
    "arjun", "chloe", "diego", "freya", "hugo", "ines", "jonas", "kaya", "leo", "maja", "nils",
    "olga", "pablo", "rania", "samir", "tara", "umut", "vera", "wei", "zoe", "anton", "bianca",
    "carlos", "dina", "elif", "felix", "greta", "hana", "ivan",
];
const LAST: [&str; 40] = [
    "schmidt", "garcia", "nguyen", "kim", "okafor", "rossi", "novak", "silva", "dubois", "haddad",
    "larsen", "patel", "moreau", "tanaka", "weber", "costa", "ivanova", "mensah", "kowalski",
    "berg", "ali", "santos", "fischer", "lopez", "chen", "yilmaz", "horvat", "jensen", "marino",
    "popescu", "reyes", "singh", "torres", "vogel", "walker", "young", "zhang", "abbas", "brown",
    "cruz",
];
/// Coprime to the number of pairs, so that every pair is used once before any is repeated.
const STRIDE: usize = 641;

/// The id of the learner with this index, unique within a class.
pub fn name(index: usize) -> String {
    let pairs = FIRST.len() * LAST.len();
    let pair = (index % pairs) * STRIDE % pairs;
    let (first, last) = (FIRST[pair % FIRST.len()], LAST[pair / FIRST.len()]);
    match index / pairs {
        0 => format!("{first}.{last}"),
        round => format!("{first}.{last}{}", round + 1),
    }
}

/// The persona of the learner with this index: of a hundred learners most are steady, and every
/// other persona occurs.
pub(super) fn persona(index: usize) -> Persona {
    match index % 100 {
        0 | 61 => Persona::Stuck,
        11 => Persona::Guessing,
        17 => Persona::Rewatching,
        3 | 23 => Persona::LeftRunning,
        29 | 41 => Persona::Drifting,
        37 => Persona::Fading,
        47 | 83 => Persona::Absent,
        _ => Persona::Steady,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ten_thousand_learners_have_as_many_names() {
        let names: BTreeSet<String> = (0..10_000).map(name).collect();
        assert_eq!(names.len(), 10_000);
        assert!(names.contains("mia.schmidt"));
    }

    #[test]
    fn most_are_steady_and_nobody_is_missing() {
        let of = |persona_: Persona| (0..300).filter(|index| persona(*index) == persona_).count();
        assert!(of(Persona::Steady) > 240);
        for rare in [
            Persona::Stuck,
            Persona::Guessing,
            Persona::Rewatching,
            Persona::LeftRunning,
            Persona::Drifting,
            Persona::Fading,
            Persona::Absent,
        ] {
            assert!((3..=6).contains(&of(rare)), "{rare:?}");
        }
    }
}
