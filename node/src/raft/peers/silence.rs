//! When a leader stays silent towards a peer that does not answer.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

/// The silences of a replica, by peer.
#[derive(Debug)]
pub(in crate::raft) struct Silences {
    lease: Duration,
    peers: BTreeMap<u64, Arc<Silence>>,
}

impl Silences {
    /// `lease`: how long a follower that received a message elects no other leader.
    pub fn new(lease: Duration) -> Self {
        Self {
            lease,
            peers: BTreeMap::new(),
        }
    }

    pub(super) fn towards(&mut self, peer: u64) -> Arc<Silence> {
        let silence = self.peers.entry(peer);
        Arc::clone(silence.or_insert_with(|| Arc::new(Silence::new(self.lease))))
    }
}

/// Whether a peer is sent entries and heartbeats. Shared by all that send to it.
///
/// Each message of a leader renews the lease of the follower that receives it, in which that one
/// elects no other leader. openraft stops its heartbeats while no quorum answers, but repeats
/// entries for ever: a leader that is heard but receives nothing would keep the others from
/// electing one.
#[derive(Debug)]
pub(super) struct Silence {
    /// Time without an answer after which the leader is silent.
    lease: Duration,
    /// Duration of a silence. Then messages are sent for another lease, and the next silence
    /// begins. Long enough for the lease to pass and an election after it.
    quiet: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the first message after the last answer was sent.
    unanswered: Option<Instant>,
    silent_until: Option<Instant>,
    /// When a send was last asked for.
    asked: Option<Instant>,
}

impl Silence {
    fn new(lease: Duration) -> Self {
        Self {
            lease,
            quiet: 3 * lease,
            state: Mutex::default(),
        }
    }

    /// Whether a message may be sent now; it is taken to be sent.
    pub fn may_send(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        // A leader has something to send at every heartbeat, so this one did not lead meanwhile.
        if state.asked.is_some_and(|asked| now - asked > self.quiet) {
            *state = State::default();
        }
        state.asked = Some(now);
        let unanswered = *state.unanswered.get_or_insert(now);
        match state.silent_until {
            Some(until) if now < until => false,
            // For one lease again: an answer may take longer than the time for one message.
            Some(_) => {
                state.unanswered = Some(now);
                state.silent_until = None;
                true
            }
            None if now - unanswered < self.lease => true,
            None => {
                state.silent_until = Some(now + self.quiet);
                false
            }
        }
    }

    /// The peer answered.
    pub fn answered(&self) {
        *self.state.lock() = State::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_without_an_answer_is_left_alone_and_tried_now_and_then() {
        let (begun, silence) = (Instant::now(), Silence::new(Duration::from_millis(700)));
        let at = |ms| silence.may_send(begun + Duration::from_millis(ms));
        assert!(at(0) && at(150) && at(699));
        assert!(!at(700) && !at(2_799), "three leases of silence");
        assert!(at(2_800) && at(3_499), "one lease again");
        assert!(!at(3_500) && !at(5_599));
        assert!(at(5_600));
        silence.answered();
        assert!(at(5_601) && at(6_300), "it answered");
        assert!(!at(6_301));
        assert!(at(60_000), "it did not lead meanwhile");
    }
}
