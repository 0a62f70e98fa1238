//! What packs are written and copied; that the newest head is found is shown where a start looks for it.

use homeroom_core::learner::{StateChange, StatePart};

use super::*;
use crate::learner::Saved;

fn collected(as_of: u64, heads: &[(&str, usize)]) -> Collected {
    let mut collected = Collected::new(Vec::new(), as_of);
    for (user_id, bytes) in heads {
        collected.add(Saved {
            user_id: (*user_id).into(),
            changes: vec![StateChange {
                part: StatePart::Head,
                bytes: Some(vec![7; *bytes]),
            }],
            standings: None,
        });
    }
    collected
}

/// The numbers of the packs that are written, each with its learners, and of those that are deleted.
fn packs(changes: &[Change]) -> Vec<(u32, Option<Vec<String>>)> {
    let number = |key: &[u8]| u32::from_be_bytes(key[9..].try_into().expect("a pack's key"));
    let users = |record: &Vec<u8>| {
        let (_, heads) = Pack::read(record).expect("a pack");
        heads.iter().map(|(id, _)| (*id).to_owned()).collect()
    };
    let packs = changes.iter();
    packs
        .map(|(key, record)| (number(key), record.as_ref().map(users)))
        .collect()
}

fn of(users: &[&str]) -> Option<Vec<String>> {
    Some(users.iter().map(|id| (*id).to_owned()).collect())
}

#[test]
fn what_is_mostly_superseded_is_copied_and_its_number_used_again() {
    let mut all = Packs::default();
    let first = all.changes_of(collected(1, &[("ada", 9), ("bob", 9), ("cyd", 9)]), |_| {
        None::<Vec<u8>>
    });
    assert_eq!(packs(&first), [(0, of(&["ada", "bob", "cyd"]))]);
    let stored = first[0].1.clone();
    let second = all.changes_of(collected(2, &[("ada", 9), ("bob", 9)]), |_| stored.clone());
    assert_eq!(packs(&second), [(0, of(&["ada", "bob", "cyd"]))]);
}

#[test]
fn a_pack_that_cannot_be_read_stays_where_it_is() {
    let mut all = Packs::default();
    let nowhere = |_| None::<Vec<u8>>;
    all.changes_of(collected(1, &[("ada", 9), ("bob", 9), ("cyd", 9)]), nowhere);
    let second = all.changes_of(collected(2, &[("ada", 9), ("bob", 9)]), nowhere);
    assert_eq!(
        packs(&second),
        [(1, of(&["ada", "bob"]))],
        "cyd's is in pack 0"
    );
    let third = all.changes_of(collected(3, &[("cyd", 9)]), nowhere);
    assert_eq!(packs(&third), [(0, of(&["cyd"]))]);
}

#[test]
fn what_has_no_live_head_is_deleted() {
    let mut all = Packs::default();
    let nowhere = |_| None::<Vec<u8>>;
    // Two fill a pack.
    let large = [("ada", 12_000), ("bob", 12_000), ("cyd", 12_000)];
    let first = all.changes_of(collected(1, &large), nowhere);
    assert_eq!(packs(&first), [(0, of(&["ada", "bob"])), (1, of(&["cyd"]))]);
    let small = large.map(|(user_id, _)| (user_id, 9));
    let second = all.changes_of(collected(2, &small), nowhere);
    assert_eq!(packs(&second), [(0, of(&["ada", "bob", "cyd"])), (1, None)]);
}

#[test]
fn a_copied_head_that_fits_no_pack_has_one_of_its_own() {
    let mut larger = Pack::new(1);
    larger.put("ada", &[7; 100_000]);
    let larger = larger.into_bytes();
    let mut all = Packs::default();
    all.note_stored(0, 3);
    all.note_live(0, "ada");
    let changes = all.changes_of(collected(2, &[("bob", 9)]), |_| Some(larger.clone()));
    assert_eq!(packs(&changes), [(0, of(&["bob"])), (1, of(&["ada"]))]);
}
